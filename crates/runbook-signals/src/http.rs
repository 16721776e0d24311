//! One request over HTTP, without TLS, proxies or redirects, and never more of the response than is looked at.

use super::signal::Request;
use std::time::{Duration, Instant};

/// How much of a body is read.
const LIMIT: u64 = 1 << 20;

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) took: Duration,
}

/// Asks once; the error says in a few words what went wrong on the way.
pub(super) fn ask(request: &Request, limit: Duration) -> Result<Answer, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(limit.max(Duration::from_millis(1))))
        .max_idle_connections(0)
        .build()
        .into();
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
        ureq::Error::HostNotFound => "the host name is not known".to_owned(),
        other => other.to_string(),
    }
}
