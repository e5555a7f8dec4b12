//! signetd: the body of a request in chunks (RFC 9112, 7.1), its trailers read and dropped.
//!
//! chunked_transfer's decoder takes a trailer for a broken body.

use std::convert::TryFrom;
use std::io::{Error, ErrorKind, Read, Result};

/// Most bytes of a line that tells a chunk's size, with its extensions.
const SIZE_LINE: usize = 1024;
/// Most bytes of all trailers.
const TRAILERS: usize = 16 * 1024;

enum State {
    /// Before the size of a chunk.
    Size,
    /// So many bytes of a chunk are to come.
    Data(u64),
    Done,
}

pub struct ChunkedReader<R: Read> {
    source: R,
    state: State,
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

impl<R: Read> ChunkedReader<R> {
    pub fn new(source: R) -> Self {
        ChunkedReader {
            source,
            state: State::Size,
        }
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.source.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A line without its CRLF, of at most so many bytes.
    fn line(&mut self, most: usize) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\r' if self.byte()? == b'\n' => return Ok(line),
                b'\r' | b'\n' => return Err(broken("a bare line break")),
                byte => line.push(byte),
            }
            if line.len() > most {
                return Err(broken("a line is too long"));
            }
        }
    }

    fn size(&mut self) -> Result<u64> {
        let line = self.line(SIZE_LINE)?;
        let digits = line.split(|b| *b == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(|_| broken("no size"))?.trim_end_matches([' ', '\t']);
        // sixteen digits would do, but nobody has so much to say
        if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(broken("no size"));
        }
        u64::from_str_radix(digits, 16).map_err(|_| broken("no size"))
    }

    fn skip_trailers(&mut self) -> Result<()> {
        let mut left = TRAILERS;
        loop {
            let line = self.line(left)?;
            if line.is_empty() {
                return Ok(());
            }
            if line.iter().any(|b| *b < b' ' && *b != b'\t') {
                return Err(broken("a control character in a trailer"));
            }
            left = left.saturating_sub(line.len());
        }
    }
}

impl<R: Read> Read for ChunkedReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        loop {
            match self.state {
                State::Done => return Ok(0),
                State::Size => {
                    self.state = match self.size()? {
                        0 => {
                            self.skip_trailers()?;
                            State::Done
                        }
                        size => State::Data(size),
                    }
                }
                State::Data(left) => {
                    let want = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let n = self.source.read(&mut buf[..want])?;
                    if n == 0 && want > 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    self.state = State::Data(left - n as u64);
                    if left == n as u64 {
                        if self.byte()? != b'\r' || self.byte()? != b'\n' {
                            return Err(broken("a chunk is longer than it says"));
                        }
                        self.state = State::Size;
                    }
                    return Ok(n);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ChunkedReader;
    use std::io::{Cursor, Read};

    fn read(body: &str) -> std::io::Result<(String, u64)> {
        let mut source = Cursor::new(body.as_bytes().to_vec());
        let mut text = String::new();
        ChunkedReader::new(source.by_ref()).read_to_string(&mut text)?;
        Ok((text, source.position()))
    }

    #[test]
    fn chunks_are_joined_and_trailers_dropped() {
        let body = "3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n";
        let (text, at) = read(&format!("{}GET", body)).unwrap();
        assert_eq!((text.as_str(), at), ("abcde", body.len() as u64));
        assert_eq!(read("0\r\n\r\n").unwrap().0, "");
    }

    #[test]
    fn what_others_may_read_otherwise_is_broken() {
        for body in [
            "3\nabc\n0\n\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "2\r\nabc\r\n0\r\n\r\n",
            "\r\nabc",
            "3\r\nab",
            "ffffffffffffffffff\r\n",
            "0\r\nX: 1",
        ] {
            assert!(read(body).is_err(), "{:?}", body);
        }
    }
}
