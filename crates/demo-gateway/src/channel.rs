//! A channel: a plugin that is loaded, or tried again for a while. What it does is in the log and nowhere else.

use crate::app::{App, Plugin};
use std::io::Write;
use std::sync::{Arc, RwLock};
use std::time::Duration;

const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_secs(5);

/// A channel of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Its name, which is that of its plugin.
    pub(crate) name: String,
    plugin: Arc<RwLock<Option<Plugin>>>,
}

impl Channel {
    /// Connects in the background, again and again while that fails.
    pub(crate) fn connect(app: &App, name: &str, unreadable: Option<&str>) -> Self {
        let channel = Self { name: name.to_owned(), plugin: Arc::default() };
        let (app, unreadable) = (app.clone(), unreadable.map(str::to_owned));
        let connecting = channel.clone();
        std::thread::spawn(move || {
            for attempt in 1..=ATTEMPTS {
                let loaded = unreadable.clone().map_or_else(|| app.load(&connecting.name), Err);
                match loaded {
                    Ok(plugin) => {
                        if let Ok(mut slot) = connecting.plugin.write() {
                            *slot = Some(plugin);
                        }
                        return connecting.log("connected");
                    }
                    Err(reason) => connecting.log(&format!("channel exited: {reason}")),
                }
                connecting.log(&format!("auto-restart attempt {attempt}/{ATTEMPTS} in {}s", PAUSE.as_secs()));
                std::thread::sleep(PAUSE);
            }
            connecting.log("given up");
        });
        channel
    }

    /// The reply to `message`; `None` while the channel is not connected.
    pub(crate) fn reply(&self, message: &str) -> Option<String> {
        let plugin = self.plugin.read().ok()?;
        plugin.as_ref().map(|plugin| plugin.reply.replace("{message}", message))
    }

    fn log(&self, text: &str) {
        // In colour even where nobody sees it, as the gateway of the field reports does.
        log(&format!("\u{1b}[36m[{}]\u{1b}[0m {text}", self.name));
    }
}

/// Writes a line of the log.
pub(crate) fn log(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}
