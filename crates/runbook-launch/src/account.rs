//! Users as `/etc/passwd` has them.

use runbook_host::Reader;
use runbook_model::Failure;
use std::path::{Path, PathBuf};

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// The name; the number as text if there is none.
    pub(crate) name: String,
    /// The number.
    pub(crate) uid: u32,
    /// The home directory; `None` if nothing says which.
    pub(crate) home: Option<PathBuf>,
    /// The login shell.
    pub(crate) shell: Option<String>,
}

/// Every user of the host whose `/etc` is below `top`.
pub(crate) fn accounts(host: &Reader, top: &Path) -> Result<Vec<Account>, Failure> {
    let text = host.read(&top.join("etc/passwd"))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).lines().filter_map(account).collect())
}

fn account(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, _, _, home, shell] = fields.as_slice() else { return None };
    let some = |text: &str| Some(text.to_owned()).filter(|text| text.starts_with('/'));
    Some(Account {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        home: some(home).map(PathBuf::from),
        shell: some(shell),
    })
}

impl Account {
    /// The user called `name`, or with this number; one that is not in `/etc/passwd` has no home that could be known.
    pub(crate) fn named(host: &Reader, name: &str) -> Result<Self, Failure> {
        let known = accounts(host, Path::new("/"))?;
        let number: Option<u32> = name.parse().ok();
        let found = known.into_iter().find(|one| one.name == name || Some(one.uid) == number);
        Ok(found.unwrap_or_else(|| Self { name: name.to_owned(), uid: number.unwrap_or(u32::MAX), ..Self::default() }))
    }
}
