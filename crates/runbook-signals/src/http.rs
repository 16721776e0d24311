//! One request over HTTP, without TLS, proxies or redirects, and never more of the response than is looked at. Names are looked up
//! as the host does it.

use super::signal::Request;
use runbook_host::Reader;
use runbook_model::FailureKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// The port of HTTP.
const PORT: u16 = 80;

/// How much of a body is read.
const LIMIT: u64 = 1 << 20;

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) took: Duration,
}

/// Asks once; the error says in a few words what went wrong on the way. `host` knows names.
pub(super) fn ask(host: Reader, request: &Request, limit: Duration) -> Result<Answer, String> {
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(limit.max(Duration::from_millis(1))))
        .max_idle_connections(0)
        .build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Names(host));
    let mut builder = ureq::http::Request::builder().method(request.method.as_str()).uri(&request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let begin = Instant::now();
    let response = match &request.body {
        Some(body) => agent.run(builder.body(body.clone()).map_err(|error| error.to_string())?),
        None => agent.run(builder.body(()).map_err(|error| error.to_string())?),
    };
    let mut response = response.map_err(|error| in_words(&error))?;
    let body = response.body_mut().with_config().limit(LIMIT).lossy_utf8(true).read_to_string();
    let body = body.map_err(|error| in_words(&error))?;
    Ok(Answer { status: response.status().as_u16(), body, took: begin.elapsed() })
}

fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _ => error.to_string(),
        },
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::BodyExceedsLimit(_) => "a body of more than 1 MiB".to_owned(),
        ureq::Error::HostNotFound => "the host name is not known, or no name server answered".to_owned(),
        other => other.to_string(),
    }
}

/// What the host knows of names.
#[derive(Debug)]
struct Names(Reader);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        _: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let name = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let found = self.0.addresses(name, *timeout.after).map_err(|failure| match failure.kind {
            FailureKind::TimedOut => ureq::Error::Timeout(timeout.reason),
            _ => ureq::Error::Io(std::io::Error::other(failure.message)),
        })?;
        let mut known = self.empty();
        let port = uri.port_u16().unwrap_or(PORT);
        // More than it has room for are not tried.
        found.iter().take(16).for_each(|address| known.push(SocketAddr::new(*address, port)));
        if known.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(known) }
    }
}
