//! What is the same for several hosts is told once.

use runbook_model::HostName;

/// Something with the hosts that it is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Alike<T> {
    /// The hosts in the order in which they came.
    pub hosts: Vec<HostName>,
    /// What is the same for all of them.
    pub what: T,
}

/// Puts together what is equal; in the order in which each came first.
pub fn alike<T: PartialEq>(each: impl IntoIterator<Item = (HostName, T)>) -> Vec<Alike<T>> {
    let mut found: Vec<Alike<T>> = Vec::new();
    for (host, what) in each {
        match found.iter_mut().find(|same| same.what == what) {
            Some(same) if !same.hosts.contains(&host) => same.hosts.push(host),
            Some(_) => {}
            None => found.push(Alike { hosts: vec![host], what }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Alike, alike};
    use runbook_model::HostName;

    #[test]
    fn what_is_equal_is_told_once_with_all_of_its_hosts() {
        let host = |name: &str| HostName::new(name).unwrap();
        let each = [("a", 1), ("b", 2), ("c", 1), ("a", 1)].map(|(name, what)| (host(name), what));
        let same = |names: &[&str], what| Alike { hosts: names.iter().map(|name| host(name)).collect(), what };
        assert_eq!(alike(each), [same(&["a", "c"], 1), same(&["b"], 2)]);
    }
}
