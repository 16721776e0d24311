//! As much of HTTP/1.1 as the gateway needs: one request a connection, bounded.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const LONGEST_HEAD: u64 = 16 * 1024;
const LONGEST_BODY: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// A request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// A response in plain text.
pub(crate) struct Response {
    status: u16,
    body: String,
}

/// Reads one request; the error says what is wrong with it.
pub(crate) fn read_request(stream: &mut TcpStream) -> Result<Request, &'static str> {
    stream.set_read_timeout(Some(PATIENCE)).map_err(|_| "no timeout can be set")?;
    let mut reader = BufReader::new(stream.take(LONGEST_HEAD));
    let mut line = String::new();
    reader.read_line(&mut line).map_err(|_| "the request line cannot be read")?;
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Err("there is no request line") };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        let read = reader.read_line(&mut header).map_err(|_| "the headers cannot be read")?;
        if read == 0 || header.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| "the content length is no number")?;
        }
    }
    if length > LONGEST_BODY {
        return Err("the body is too long");
    }
    reader.get_mut().set_limit(length as u64);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(|_| "the body cannot be read")?;
    Ok(Request { method, path, body: String::from_utf8_lossy(&body).into_owned() })
}

impl Response {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into() }
    }

    pub(crate) fn write(&self, stream: &mut impl Write) -> std::io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        };
        write!(
            stream,
            "HTTP/1.1 {} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{}",
            self.status,
            self.body.len(),
            self.body
        )
    }
}
