//! What systemd itself listens on, for units that it starts when somebody connects.

use super::Unit;
use runbook_host::Reader;
use runbook_model::Failure;

/// A socket unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketUnit {
    /// Its name.
    pub name: String,
    /// The units that it starts.
    pub starts: Vec<String>,
}

impl SocketUnit {
    /// The active socket units of a manager that listen on TCP port `port`.
    pub fn on_port(host: &Reader, of_user: bool, port: u16) -> Result<Vec<Self>, Failure> {
        let any = Unit::named("any.socket", of_user);
        any.needs_systemd(host)?;
        let output = host.ask(&any.systemctl_for(
            host,
            &["show", "--property=Id,ActiveState,Listen,Triggers"],
            // Every unit that is loaded, and one that listens is.
            &["*.socket"],
        ))?;
        if !output.status.success() {
            let what = format!("systemd cannot be asked what it listens on: {}", output.ending());
            return Err(Failure::failed(what).detail(output.tail()));
        }
        Ok(parse(&output.text(), port))
    }
}

/// Blocks of `NAME=VALUE`, one a unit, with `Listen=ADDRESS (Stream)` for each socket of it.
fn parse(text: &str, port: u16) -> Vec<SocketUnit> {
    let end = format!(":{port}");
    let block = |block: &str| {
        let values = |name: &'static str| {
            let value = move |line: &str| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
            block.lines().filter_map(value).collect::<Vec<_>>()
        };
        let listens = values("Listen").iter().any(|line| {
            line.strip_suffix(" (Stream)").is_some_and(|address| address.ends_with(&end) || address == &end[1..])
        });
        let active = values("ActiveState").iter().any(|state| state == "active");
        let starts = values("Triggers").iter().flat_map(|names| names.split_whitespace()).map(str::to_owned).collect();
        let name = values("Id").into_iter().next()?;
        (listens && active).then_some(SocketUnit { name, starts })
    };
    text.split("\n\n").filter_map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_unit_of_a_port_is_found() {
        let text = "Id=a.socket\nListen=/run/a (Stream)\nTriggers=a.service\nActiveState=active\n\nId=gw.socket\n\
                    Listen=[::]:18789 (Stream)\nListen=127.0.0.1:9 (Datagram)\nTriggers=gw.service\nActiveState=active\n\n\
                    Id=off.socket\nListen=0.0.0.0:18789 (Stream)\nTriggers=off.service\nActiveState=inactive\n";
        let found = SocketUnit { name: "gw.socket".to_owned(), starts: vec!["gw.service".to_owned()] };
        assert_eq!(parse(text, 18789), [found]);
        assert_eq!(parse(text, 9), [], "another protocol");
        assert_eq!(parse(text, 8789), [], "only an end of the number");
    }
}
