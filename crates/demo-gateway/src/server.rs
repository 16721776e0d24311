//! What the gateway answers. Health and readiness say that the gateway answers, not that a channel works.

use crate::app::App;
use crate::channel::{Channel, log};
use crate::http::{Request, Response, read_request};
use crate::state::State;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

struct Gateway {
    app: App,
    state: State,
    channels: Vec<Channel>,
}

/// Serves at `address` until the process is ended.
pub(crate) fn serve(app: App, state: State, address: SocketAddr) -> Result<(), String> {
    log(&format!("demo-gateway {} starting from {}", app.version, app.root.display()));
    let listener = TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let unreadable = state.unreadable.as_deref();
    let channels = state.channels.iter().map(|name| Channel::connect(&app, name, unreadable)).collect();
    let gateway = Arc::new(Gateway { app, state, channels });
    log(&format!("listening on {address}"));
    log("gateway ready");
    for stream in listener.incoming().flatten() {
        let gateway = Arc::clone(&gateway);
        std::thread::spawn(move || gateway.converse(stream));
    }
    Ok(())
}

impl Gateway {
    fn converse(&self, mut stream: TcpStream) {
        let response = match read_request(&mut stream) {
            Ok(request) => self.answer(&request),
            Err(reason) => Response::new(400, reason),
        };
        // A client that is gone does not want to know.
        let _ = response.write(&mut stream);
    }

    fn answer(&self, request: &Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/healthz" | "/readyz") => Response::new(200, "ok"),
            ("GET", "/version") => Response::new(200, self.app.version.clone()),
            ("POST", "/message") => self.message(&request.body),
            (_, "/healthz" | "/readyz" | "/version" | "/message") => Response::new(405, "method not allowed"),
            _ => Response::new(404, "not found"),
        }
    }

    fn message(&self, message: &str) -> Response {
        let Some(chat) = self.channels.iter().find(|channel| channel.name == "chat") else {
            return Response::new(503, "there is no chat channel");
        };
        let Some(reply) = chat.reply(message) else {
            return Response::new(503, "the chat channel is not connected");
        };
        match self.state.keep(&chat.name, message) {
            Ok(()) => Response::new(200, reply),
            Err(error) => Response::new(500, format!("the message cannot be kept: {error}")),
        }
    }
}
