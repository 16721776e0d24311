//! `--hosts SELECTOR`: which hosts of an inventory are meant.
//!
//! Alternatives stand between commas, and a term that begins with `!` takes hosts out again. A term is made of parts that
//! all have to fit, between `&`: `all`, the name of a host or group, or `label=value`. `*` and `?` stand for any text and any
//! character. `layout=npm&!…` has no meaning: write `layout=npm,!vm-b`.

use runbook_model::{Inventory, InventoryHost, did_you_mean};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why a selector selects nothing.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SelectorError {
    /// A part is empty.
    #[error(
        "`{}` has a part without a name; write `vm-a,edge-*`, `layout=npm`, `role=canary&layout=npm` or `all,!vm-b`",
        selector.escape_debug()
    )]
    Empty {
        /// The whole selector.
        selector: String,
    },
    /// A part fits no host.
    #[error("`{}` is no host, group or label of the inventory{}", part.escape_debug(), near.as_ref().map_or(String::new(), |near| format!("; did you mean `{}`?", near.escape_debug())))]
    Nothing {
        /// The part.
        part: String,
        /// A host or group with nearly that name.
        near: Option<String>,
    },
    /// Everything was taken out again.
    #[error("`{}` leaves no host", selector.escape_debug())]
    NoneLeft {
        /// The whole selector.
        selector: String,
    },
}

/// A selector that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    text: String,
    wanted: Vec<Term>,
    unwanted: Vec<Term>,
}

/// Parts that all have to fit.
type Term = Vec<Part>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Name(String),
    Label { name: String, value: String },
}

impl Selector {
    /// Reads `text`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for term in text.split(',').map(str::trim) {
            let (list, term) = match term.strip_prefix('!') {
                Some(rest) => (&mut unwanted, rest),
                None => (&mut wanted, term),
            };
            let parts: Option<Term> = term.split('&').map(part).collect();
            list.push(parts.ok_or_else(|| SelectorError::Empty { selector: text.to_owned() })?);
        }
        Ok(Self { text: text.to_owned(), wanted, unwanted })
    }

    /// The hosts that have all of these labels.
    pub(crate) fn of_labels(labels: &BTreeMap<String, String>) -> Self {
        let part = |(name, value): (&String, &String)| Part::Label { name: name.clone(), value: value.clone() };
        let term: Term = labels.iter().map(part).collect();
        let text = term.iter().map(Part::written).collect::<Vec<_>>().join("&");
        Self { text, wanted: vec![term], unwanted: Vec::new() }
    }

    /// The hosts that are meant, in the order of the inventory; at least one. Each part has to fit some host, so that a
    /// mistyped name is not passed over.
    pub fn select<'i>(&self, inventory: &'i Inventory) -> Result<Vec<&'i InventoryHost>, SelectorError> {
        for part in self.wanted.iter().chain(&self.unwanted).flatten() {
            if !inventory.hosts.iter().any(|host| part.fits(host)) {
                return Err(SelectorError::Nothing { part: part.written(), near: part.near(inventory) });
            }
        }
        let any =
            |terms: &[Term], host: &InventoryHost| terms.iter().any(|term| term.iter().all(|part| part.fits(host)));
        let meant =
            |host: &&InventoryHost| (self.wanted.is_empty() || any(&self.wanted, host)) && !any(&self.unwanted, host);
        let found: Vec<&InventoryHost> = inventory.hosts.iter().filter(meant).collect();
        if found.is_empty() {
            return Err(SelectorError::NoneLeft { selector: self.text.clone() });
        }
        Ok(found)
    }
}

fn part(text: &str) -> Option<Part> {
    let text = text.trim();
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Some(Part::Label { name: name.to_owned(), value: value.to_owned() })
        }
        Some(_) => None,
        None => (!text.is_empty()).then(|| Part::Name(text.to_owned())),
    }
}

impl Part {
    fn fits(&self, host: &InventoryHost) -> bool {
        match self {
            Self::Name(name) => {
                name == "all"
                    || is_like(name, host.name.as_str())
                    || host.groups.iter().any(|group| is_like(name, group))
            }
            Self::Label { name, value } => host.labels.get(name).is_some_and(|label| is_like(value, label)),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Label { name, value } => format!("{name}={value}"),
        }
    }

    fn near(&self, inventory: &Inventory) -> Option<String> {
        let names = inventory.hosts.iter().flat_map(|host| {
            let labels = host.labels.iter().map(|(name, value)| format!("{name}={value}"));
            host.groups.iter().cloned().chain([host.name.as_str().to_owned()]).chain(labels)
        });
        let names: Vec<String> = names.collect();
        did_you_mean(&self.written(), names.iter().map(String::as_str)).map(str::to_owned)
    }
}

/// Whether `text` is what `pattern` describes, in which `*` stands for any text and `?` for any character.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = rest.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| text.get(at..).is_some_and(|text| is_like(rest, text)))
        }
        Some(wanted) => {
            let mut chars = text.chars();
            chars.next().is_some_and(|found| wanted == '?' || wanted == found) && is_like(rest.as_str(), chars.as_str())
        }
    }
}
