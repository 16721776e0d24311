//! The addresses of a name. `getent` asks whatever the host goes by, in a process of its own that can be ended. A static program must
//! not ask itself: the resolver of glibc loads parts of the host's glibc, and those of another version crash it.

use crate::{Command, Reader};
use runbook_model::Failure;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// `getent(1)`: the key is not there.
const UNKNOWN: i32 = 2;

impl Reader {
    /// The addresses that the host knows for `name`, in the order in which they are to be tried; none if it knows no such name.
    /// What is an address already is its own. Fails if nothing answers within `limit`.
    pub fn addresses(&self, name: &str, limit: Duration) -> Result<Vec<IpAddr>, Failure> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        if !can_be_known(name) {
            return Ok(Vec::new());
        }
        let Ok(getent) = self.program("getent") else { return self.addresses_without_getent(name) };
        let asked = Command::new([&*getent.to_string_lossy(), "ahosts", name]);
        let output = self.ask(&Command { limit: Some(limit), ..asked.clone() })?;
        match output.status.code() {
            Some(0) => Ok(first_words(&output.text())),
            Some(UNKNOWN) => Ok(Vec::new()),
            _ => {
                Err(Failure::failed(format!("`{}` ended with {}", asked.line(), output.ending())).detail(output.tail()))
            }
        }
    }

    /// Macs have no `getent`, and no static programs.
    #[cfg(not(target_feature = "crt-static"))]
    fn addresses_without_getent(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        use std::net::ToSocketAddrs;
        let listed = self.addresses_in_file(name)?;
        let asked =
            || (name, 0).to_socket_addrs().map_or_else(|_| Vec::new(), |found| found.map(|at| at.ip()).collect());
        Ok(if listed.is_empty() { asked() } else { listed })
    }

    #[cfg(target_feature = "crt-static")]
    fn addresses_without_getent(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let listed = self.addresses_in_file(name)?;
        if listed.is_empty() {
            let what =
                format!("`{name}` is not in /etc/hosts, and without `getent` no other source of names can be asked");
            return Err(Failure::missing(what).hint("install getent (libc-bin, musl-utils), or give an address"));
        }
        Ok(listed)
    }

    fn addresses_in_file(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let text = self.read(Path::new("/etc/hosts"))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let of = |line: &&str| line.split_whitespace().skip(1).any(|known| known.eq_ignore_ascii_case(name));
        Ok(first_words(&lines.filter(of).collect::<Vec<_>>().join("\n")))
    }
}

/// What is no name would be an option of `getent`.
fn can_be_known(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(fits)
}

/// The addresses with which lines begin, each once: `getent` names one for each kind of socket.
fn first_words(lines: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in lines.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::tests::inside_with_getent;
    use runbook_model::FailureKind;

    const LIMIT: Duration = Duration::from_secs(10);

    fn reader() -> Reader {
        Reader::new("/nowhere", "/nowhere")
    }

    #[test]
    fn the_host_knows_itself_and_not_everybody() {
        assert!(reader().addresses("localhost", LIMIT).unwrap().iter().all(IpAddr::is_loopback));
        assert!(!reader().addresses("localhost", LIMIT).unwrap().is_empty());
        assert!(!reader().addresses_in_file("LocalHost").unwrap().is_empty());
        for (name, address) in [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7")] {
            assert_eq!(reader().addresses(name, LIMIT).unwrap(), [address.parse::<IpAddr>().unwrap()]);
        }
        for name in ["", "-i", "a b", "a:b", "no-such-name.invalid"] {
            assert_eq!(reader().addresses(name, LIMIT).unwrap(), Vec::<IpAddr>::new(), "{name}");
            assert_eq!(reader().addresses_in_file(name).unwrap(), Vec::<IpAddr>::new(), "{name}");
        }
    }

    #[test]
    fn what_getent_says_counts_each_address_once() {
        let answer = "#!/bin/sh\n[ \"$*\" = 'ahosts made.up' ] || exit 2\n\
                      printf '%s\\n' '192.0.2.1 STREAM made.up' '192.0.2.1 DGRAM' '2001:db8::1 STREAM' nonsense\n";
        if inside_with_getent("addresses::tests::what_getent_says_counts_each_address_once", answer) {
            let both = ["192.0.2.1", "2001:db8::1"].map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(reader().addresses("made.up", LIMIT).unwrap(), both);
            assert_eq!(reader().addresses("localhost", LIMIT).unwrap(), Vec::<IpAddr>::new());
        }
    }

    #[test]
    fn a_name_service_that_hangs_is_waited_for_no_longer_than_is_said() {
        if inside_with_getent(
            "addresses::tests::a_name_service_that_hangs_is_waited_for_no_longer_than_is_said",
            "#!/bin/sh\nexec sleep 1000\n",
        ) {
            let failure = reader().addresses("made.up", Duration::from_millis(200)).unwrap_err();
            assert_eq!(failure.kind, FailureKind::TimedOut);
        }
    }
}
