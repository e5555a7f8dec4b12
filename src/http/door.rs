//! The listening socket: taken from, and closed.
//!
//! One that systemd holds (socket activation) outlives the daemon: connections wait in it for the next one. So it is
//! never shut down, only no longer taken from; an event wakes the thread that waits at it.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use crate::text::hosts::plain_address;

pub struct Door {
    listener: TcpListener,
    closing: OwnedFd,
    /// Whether somebody else goes on listening with it.
    kept: bool,
    /// Whoever comes from another machine is sent away.
    only_here: bool,
}

impl Door {
    /// A socket of this process.
    pub fn own(listener: TcpListener) -> io::Result<Self> {
        // who polls must not wait for a client that has left between the poll and the accept
        listener.set_nonblocking(true)?;
        let closing = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Door { listener, closing, kept: false, only_here: false })
    }

    /// A socket that the service manager holds. `only_here` admits this machine alone, wherever it listens.
    pub fn kept(listener: TcpListener, only_here: bool) -> io::Result<Self> {
        Ok(Door { kept: true, only_here, ..Self::own(listener)? })
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next client; `None` when the door is closed.
    pub(super) fn take(&self) -> io::Result<Option<TcpStream>> {
        loop {
            let mut watched = [PollFd::new(&self.closing, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
            match poll(&mut watched, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(cause) => return Err(cause.into()),
            }
            if !watched[0].revents().is_empty() {
                return Ok(None);
            }
            match self.listener.accept() {
                Ok((_, peer)) if self.only_here && !is_here(peer.ip()) => {}
                Ok((socket, _)) => return Ok(Some(socket)),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Nobody is let in from now on; at a kept socket they wait for the next daemon.
    pub(super) fn close(&self) {
        if let Err(cause) = rustix::io::write(&self.closing, &1u64.to_ne_bytes()) {
            log::debug!(target: "http", "closing the listener: {cause}");
        }
        if !self.kept
            && let Err(cause) = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both)
        {
            log::debug!(target: "http", "closing the listener: {cause}");
        }
    }
}

fn is_here(address: IpAddr) -> bool {
    plain_address(address).is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_socket_goes_on_listening_when_the_door_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let first = Door::kept(listener.try_clone().unwrap(), true).unwrap();
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(first.take().unwrap().unwrap().peer_addr().unwrap(), client.local_addr().unwrap());
        first.close();
        let waiting = TcpStream::connect(address).unwrap();
        assert!(first.take().unwrap().is_none());
        drop(first);
        let second = Door::kept(listener, false).unwrap();
        assert_eq!(second.take().unwrap().unwrap().peer_addr().unwrap(), waiting.local_addr().unwrap());
    }

    #[test]
    fn an_own_socket_refuses_at_once_when_it_is_closed() {
        let door = Door::own(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let address = door.local_addr().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| door.take().unwrap().is_none());
            door.close();
            assert!(waiting.join().unwrap());
        });
        assert!(TcpStream::connect(address).is_err());
    }
}
