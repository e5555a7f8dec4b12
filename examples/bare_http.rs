//! tiny_http alone, answering a constant: what `make bench` compares `/health` with.
//!
//!     bare_http PORT

use tiny_http::{Response, Server};

fn main() {
    let port = std::env::args().nth(1).expect("usage: bare_http PORT");
    let server = Server::http(format!("127.0.0.1:{port}")).expect("a listener");
    for request in server.incoming_requests() {
        // a client that left is no failure of the server
        let _ = request.respond(Response::from_string("{\"status\":\"healthy\"}"));
    }
}
