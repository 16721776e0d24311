//! The small service of the quickstart: a gateway with plugins, channels, a port and a state directory.
//!
//! It is never shipped. One binary runs every release, and a release is a directory; what is broken in a release is
//! broken in that directory, not in here. `release.rs` lays releases out, `app.rs` reads them.

mod app;
mod channel;
mod http;
mod release;
mod server;
mod state;

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
demo-gateway: a small service to practise maintenance on

Usage:
  demo-gateway serve --app DIR --state DIR [--listen ADDRESS] [--port PORT]
  demo-gateway make-release VERSION DIR
  demo-gateway make-state DIR [--port PORT]

Commands:
  serve         Run the release in --app in the foreground; the log goes to standard output
  make-release  Lay out a release in DIR, which must not exist: 1.0.0, 1.1.0 (its chat channel cannot find the host
                package) or 1.2.0 (it can again)
  make-state    Make the state of a gateway that has been in use for a while in DIR, which must not exist

Options of serve:
  --app DIR         The installed release
  --state DIR       config.json, sessions.json and messages.log; made if it is not there
  --listen ADDRESS  127.0.0.1 without it
  --port PORT       The one of config.json without it

It answers GET /healthz, GET /readyz, GET /version and POST /message, whose body the chat channel replies to.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "demo-gateway: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--help" | "-h" | "help"] => say(HELP),
        ["--version" | "-V"] => say(&format!("demo-gateway {}\n", env!("CARGO_PKG_VERSION"))),
        ["make-release", version, dir] => release::make(version, Path::new(dir)),
        ["make-state", dir, options @ ..] => {
            let options = Options::read(options, &["--port"])?;
            state::make(Path::new(dir), options.port.unwrap_or(state::DEFAULT_PORT))
        }
        ["serve", options @ ..] => serve(&Options::read(options, &["--app", "--state", "--listen", "--port"])?),
        [] => Err("say what to do; `demo-gateway --help` lists it".to_owned()),
        [other, ..] => Err(format!("`{other}` is not understood here; see `demo-gateway --help`")),
    }
}

fn serve(options: &Options) -> Result<(), String> {
    let app = app::App::open(options.app.as_deref().ok_or("serve needs --app DIR")?)?;
    let state = state::State::open(options.state.as_deref().ok_or("serve needs --state DIR")?, app.state_format)?;
    let port = options.port.unwrap_or(state.port);
    let address = options.listen.unwrap_or_else(|| IpAddr::from([127, 0, 0, 1]));
    server::serve(app, state, (address, port).into())
}

fn say(text: &str) -> Result<(), String> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())
}

#[derive(Default)]
struct Options {
    app: Option<PathBuf>,
    state: Option<PathBuf>,
    listen: Option<IpAddr>,
    port: Option<u16>,
}

impl Options {
    fn read(words: &[&str], known: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(name) = words.next() {
            if !known.contains(name) {
                return Err(format!("there is no option `{name}` here; it takes {}", known.join(", ")));
            }
            let value = words.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            match *name {
                "--app" => options.app = Some(PathBuf::from(value)),
                "--state" => options.state = Some(PathBuf::from(value)),
                "--listen" => options.listen = Some(value.parse().map_err(|_| format!("`{value}` is no IP address"))?),
                _ => options.port = Some(value.parse().map_err(|_| format!("`{value}` is no port"))?),
            }
        }
        Ok(options)
    }
}
