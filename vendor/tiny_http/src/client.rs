use std::io::Error as IoError;
use std::io::Result as IoResult;
use std::io::{BufReader, BufWriter, ErrorKind, Read};

use std::net::SocketAddr;

use crate::common::{HTTPVersion, Header, Method};
use crate::util::RefinedTcpStream;
use crate::util::{SequentialReader, SequentialReaderBuilder, SequentialWriterBuilder};
use crate::Request;

/// A ClientConnection is an object that will store a socket to a client
/// and return Request objects.
pub struct ClientConnection {
    // address of the client
    remote_addr: IoResult<Option<SocketAddr>>,

    // sequence of Readers to the stream, so that the data is not read in
    //  the wrong order
    source: SequentialReaderBuilder<BufReader<RefinedTcpStream>>,

    // sequence of Writers to the stream, to avoid writing response #2 before
    //  response #1
    sink: SequentialWriterBuilder<BufWriter<RefinedTcpStream>>,

    // Reader to read the next header from
    next_header_source: SequentialReader<BufReader<RefinedTcpStream>>,

    // set to true if we know that the previous request is the last one
    no_more_requests: bool,

    // true if the connection goes through SSL
    secure: bool,

    // signetd: most bytes a request line and its headers may have together
    head_limit: usize,

    // signetd: bytes of the current head read so far
    head_read: usize,

    // signetd: the first byte of the next head, read by `wait_for_head`
    first_byte: Option<u8>,
}

/// Error that can happen when reading a request.
#[derive(Debug)]
enum ReadError {
    WrongRequestLine,
    WrongHeader(HTTPVersion),
    /// signetd: another version of HTTP than 1.0 and 1.1
    WrongVersion,
    /// signetd: it cannot be told for certain where the body ends
    WrongFraming,
    /// the client sent an unrecognized `Expect` header
    ExpectationFailed(HTTPVersion),
    ReadIoError(IoError),
    /// signetd: the request line and headers exceed the limit
    HeadTooLarge,
    /// signetd: control characters in a head, or bytes beyond ASCII in a request line
    NotText,
}

impl From<IoError> for ReadError {
    fn from(err: IoError) -> ReadError {
        ReadError::ReadIoError(err)
    }
}

impl ClientConnection {
    /// Creates a new `ClientConnection` that takes ownership of the `TcpStream`.
    pub fn new(
        write_socket: RefinedTcpStream,
        read_socket: RefinedTcpStream,
    ) -> ClientConnection {
        ClientConnection::with_head_limit(write_socket, read_socket, usize::MAX)
    }

    /// signetd: like `new`, refusing heads of more than `head_limit` bytes with 431.
    pub fn with_head_limit(
        write_socket: RefinedTcpStream,
        mut read_socket: RefinedTcpStream,
        head_limit: usize,
    ) -> ClientConnection {
        let remote_addr = read_socket.peer_addr();
        let secure = read_socket.secure();

        let mut source = SequentialReaderBuilder::new(BufReader::with_capacity(1024, read_socket));
        let first_header = source.next().unwrap();

        ClientConnection {
            source,
            sink: SequentialWriterBuilder::new(BufWriter::with_capacity(1024, write_socket)),
            remote_addr,
            next_header_source: first_header,
            no_more_requests: false,
            secure,
            head_limit,
            head_read: 0,
            first_byte: None,
        }
    }

    /// signetd: blocks until the first byte of a next request is there.
    /// False when none will come.
    pub fn wait_for_head(&mut self) -> bool {
        if self.no_more_requests {
            return false;
        }
        match self.next_header_source.by_ref().bytes().next() {
            Some(Ok(byte)) => {
                self.first_byte = Some(byte);
                true
            }
            _ => false,
        }
    }

    /// true if the connection is HTTPS
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// Reads the next line from self.next_header_source.
    ///
    /// Reads until `CRLF` is reached. The next read will start
    ///  at the first byte of the new line.
    fn read_next_line(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut buf: Vec<u8> = Vec::new();
        let mut prev_byte_was_cr = false;

        loop {
            let byte = match self.first_byte.take() {
                Some(b) => b,
                None => match self.next_header_source.by_ref().bytes().next() {
                    Some(b) => b?,
                    None => {
                        return Err(
                            IoError::new(ErrorKind::ConnectionAborted, "Unexpected EOF").into()
                        )
                    }
                },
            };

            self.head_read += 1;
            if self.head_read > self.head_limit {
                return Err(ReadError::HeadTooLarge);
            }

            if byte == b'\n' && prev_byte_was_cr {
                buf.pop(); // removing the '\r'
                // signetd: no control characters (a bare CR or LF among them), of which others may
                // make another request
                return if buf.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
                    Err(ReadError::NotText)
                } else {
                    Ok(buf)
                };
            }

            prev_byte_was_cr = byte == b'\r';

            buf.push(byte);
        }
    }

    /// Reads a request from the stream.
    /// Blocks until the header has been read.
    fn read(&mut self) -> Result<Request, ReadError> {
        self.head_read = 0;
        let (method, path, version, headers) = {
            // reading the request line
            let (method, path, version) = {
                let mut line = self.read_next_line()?;
                // signetd: an empty line may stand before a request (RFC 9112, 2.2)
                if line.is_empty() {
                    line = self.read_next_line()?;
                }
                let line = std::str::from_utf8(&line).map_err(|_| ReadError::NotText)?;
                parse_request_line(line)?
            };

            // getting all headers
            let headers = {
                let mut headers = Vec::new();
                loop {
                    let line = self.read_next_line()?;

                    if line.is_empty() {
                        break;
                    };
                    headers.push(match Header::from_line(&line) {
                        Ok(h) => h,
                        _ => return Err(ReadError::WrongHeader(version)),
                    });
                }

                headers
            };
            if !is_framed_clearly(&headers, &version) {
                return Err(ReadError::WrongFraming);
            }

            (method, path, version, headers)
        };

        // building the writer for the request
        let writer = self.sink.next().unwrap();

        // follow-up for next potential request
        let mut data_source = self.source.next().unwrap();
        std::mem::swap(&mut self.next_header_source, &mut data_source);

        // building the next reader
        let request = crate::request::new_request(
            self.secure,
            method,
            path,
            version.clone(),
            headers,
            // signetd: of a client that has left already nothing is known
            self.remote_addr
                .as_ref()
                .map(|addr| *addr)
                .map_err(|_| ReadError::ReadIoError(ErrorKind::NotConnected.into()))?,
            data_source,
            writer,
        )
        .map_err(|e| {
            use crate::request;
            match e {
                request::RequestCreationError::CreationIoError(e) => ReadError::ReadIoError(e),
                request::RequestCreationError::ExpectationFailed => {
                    ReadError::ExpectationFailed(version)
                }
            }
        })?;

        // return the request
        Ok(request)
    }
}

impl ClientConnection {
    /// signetd: answers a status without a body, after which the connection is closed.
    fn refuse(&mut self, status: u16) -> Option<Request> {
        use crate::{Header, Response, StatusCode};

        let writer = self.sink.next().unwrap();
        let close = Header::from_bytes(&b"Connection"[..], &b"close"[..]).unwrap();
        let response = Response::new_empty(StatusCode(status)).with_header(close);
        response
            .raw_print(writer, HTTPVersion(1, 1), &[], false, None)
            .ok();
        None
    }
}

impl Iterator for ClientConnection {
    type Item = Request;

    /// Blocks until the next Request is available.
    /// Returns None when no new Requests will come from the client.
    fn next(&mut self) -> Option<Request> {
        use crate::{Response, StatusCode};

        // the client sent a "connection: close" header in this previous request
        //  or is using HTTP 1.0, meaning that no new request will come
        if self.no_more_requests {
            return None;
        }

        loop {
            let rq = match self.read() {
                Err(ReadError::HeadTooLarge) => return self.refuse(431),
                // we don't know where the next request would start, so we have to close
                Err(ReadError::WrongRequestLine)
                | Err(ReadError::NotText)
                | Err(ReadError::WrongFraming) => return self.refuse(400),
                Err(ReadError::WrongVersion) => return self.refuse(505),

                Err(ReadError::WrongHeader(ver)) => {
                    let writer = self.sink.next().unwrap();
                    let response = Response::new_empty(StatusCode(400));
                    response.raw_print(writer, ver, &[], false, None).ok();
                    return None; // we don't know where the next request would start,
                                 // se we have to close
                }

                Err(ReadError::ReadIoError(ref err)) if err.kind() == ErrorKind::TimedOut => {
                    // request timeout
                    let writer = self.sink.next().unwrap();
                    let response = Response::new_empty(StatusCode(408));
                    response
                        .raw_print(writer, HTTPVersion(1, 1), &[], false, None)
                        .ok();
                    return None; // closing the connection
                }

                Err(ReadError::ExpectationFailed(ver)) => {
                    let writer = self.sink.next().unwrap();
                    let response = Response::new_empty(StatusCode(417));
                    response.raw_print(writer, ver, &[], true, None).ok();
                    return None; // TODO: should be recoverable, but needs handling in case of body
                }

                Err(ReadError::ReadIoError(_)) => return None,

                Ok(rq) => rq,
            };

            // signetd: an offer to upgrade is passed over (RFC 9110, 7.8), so only `close` and the
            // version tell whether more requests follow
            let asks = |option: &str| {
                rq.headers()
                    .iter()
                    .filter(|h| h.field.equiv("Connection"))
                    .flat_map(|h| h.value.split(','))
                    .any(|o| o.trim().eq_ignore_ascii_case(option))
            };
            let old = *rq.http_version() == HTTPVersion(1, 0);
            if asks("close") || (old && !asks("keep-alive")) {
                self.no_more_requests = true;
            }

            // returning the request
            return Some(rq);
        }
    }
}

/// Parses a "HTTP/1.1" string.
fn parse_http_version(version: &str) -> Result<HTTPVersion, ReadError> {
    match version {
        "HTTP/1.0" => Ok(HTTPVersion(1, 0)),
        "HTTP/1.1" => Ok(HTTPVersion(1, 1)),
        // signetd: any other version is answered 505, whatever follows it
        v if v.starts_with("HTTP/") && v[5..].chars().all(|c| c.is_ascii_digit() || c == '.') => {
            Err(ReadError::WrongVersion)
        }
        _ => Err(ReadError::WrongRequestLine),
    }
}

/// Parses the request line of the request.
/// eg. GET / HTTP/1.1
fn parse_request_line(line: &str) -> Result<(Method, String, HTTPVersion), ReadError> {
    // signetd: three parts and no more, or others may see another request in the line
    let parts: Vec<&str> = line.split(' ').collect();
    let [method, path, version] = parts[..] else {
        return Err(ReadError::WrongRequestLine);
    };
    if !line.is_ascii() || method.is_empty() || path.is_empty() {
        return Err(ReadError::WrongRequestLine);
    }
    let method = method.parse().map_err(|_| ReadError::WrongRequestLine)?;
    Ok((method, path.to_owned(), parse_http_version(version)?))
}

/// signetd: one length or one `chunked`, one host, and nothing that a proxy might read otherwise
/// (RFC 9112, 3.2 and 6.3).
fn is_framed_clearly(headers: &[Header], version: &HTTPVersion) -> bool {
    let values = |name: &'static str| -> Vec<&str> {
        headers
            .iter()
            .filter(|h| h.field.equiv(name))
            .map(|h| h.value.as_str())
            .collect()
    };
    if values("Host").len() > 1 {
        return false;
    }
    let encodings = values("Transfer-Encoding");
    match (&values("Content-Length")[..], &encodings[..]) {
        ([], []) => true,
        ([length], []) => !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()),
        ([], [encoding]) => encoding.eq_ignore_ascii_case("chunked") && *version == HTTPVersion(1, 1),
        _ => false,
    }
}

#[cfg(test)]
mod test {
    #[test]
    fn test_parse_request_line() {
        let (method, path, ver) = super::parse_request_line("GET /hello HTTP/1.1").unwrap();

        assert!(method == crate::Method::Get);
        assert!(path == "/hello");
        assert!(ver == crate::common::HTTPVersion(1, 1));

        assert!(super::parse_request_line("GET /hello").is_err());
        assert!(super::parse_request_line("qsd qsd qsd").is_err());
        assert!(super::parse_request_line("GET /hello HTTP/1.1 HTTP/1.1").is_err());
        assert!(matches!(
            super::parse_request_line("PRI * HTTP/2.0"),
            Err(super::ReadError::WrongVersion)
        ));
    }
}
