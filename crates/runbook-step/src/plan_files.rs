//! The files of a plan as steps get them: in memory before a run, in the run's own directory from its beginning on. No step
//! that is bound to them can reach the checkout.

use crate::bundle::{Brought, Bundle, digest_of};
use runbook_host::{WHOLE, read_regular};
use runbook_model::{Failure, Node, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A bundle with its contents.
#[derive(Clone, Debug)]
pub struct PlanFiles {
    /// What there is.
    pub bundle: Bundle,
    /// Where it is.
    pub contents: Contents,
}

/// Where the contents of a bundle are.
#[derive(Clone, Debug)]
pub enum Contents {
    /// In memory, by their digests: nothing has begun.
    Held(BTreeMap<String, Arc<[u8]>>),
    /// Below this directory of a run.
    Kept(PathBuf),
}

/// One file of a plan with its content.
#[derive(Clone, Debug)]
pub struct PlanFile {
    name: String,
    brought: Brought,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Held(Arc<[u8]>),
    Kept(PathBuf),
}

impl PlanFiles {
    /// The file that the plan calls `name`.
    pub(crate) fn file(&self, name: &str) -> Option<PlanFile> {
        self.with_content(name, self.bundle.files.get(name)?)
    }

    /// The file that a word of the plan names, if it is the plan's.
    pub fn named(&self, word: &Node) -> Option<PlanFile> {
        match &word.value {
            Value::String(name) => self.file(name),
            _ => None,
        }
    }

    /// The program of the external kind `name`.
    pub(crate) fn program(&self, name: &str) -> Option<PlanFile> {
        self.with_content(name, self.bundle.programs.get(name)?)
    }

    /// Every file.
    pub fn all(&self) -> impl Iterator<Item = PlanFile> {
        self.bundle.all().filter_map(|(name, brought)| self.with_content(name, brought))
    }

    fn with_content(&self, name: &str, brought: &Brought) -> Option<PlanFile> {
        let content = match &self.contents {
            Contents::Held(contents) => Content::Held(contents.get(brought.digest())?.clone()),
            Contents::Kept(dir) => Content::Kept(brought.place(dir, name)),
        };
        Some(PlanFile { name: name.to_owned(), brought: brought.clone(), content })
    }
}

impl PlanFile {
    /// As the plan calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known of it without its content.
    pub fn brought(&self) -> &Brought {
        &self.brought
    }

    /// Where the run keeps it; `None` before a run.
    pub fn kept(&self) -> Option<&Path> {
        match &self.content {
            Content::Held(_) => None,
            Content::Kept(path) => Some(path),
        }
    }

    /// Its content, which is what was judged.
    ///
    /// # Errors
    /// What the run kept is gone or was changed.
    pub fn content(&self) -> Result<Vec<u8>, Failure> {
        let path = match &self.content {
            Content::Held(content) => return Ok(content.to_vec()),
            Content::Kept(path) => path,
        };
        let told = |what: &str| format!("{} of the plan, which the run keeps as {}, {what}", self.name, path.display());
        match read_regular(path, WHOLE)? {
            Some(content) if digest_of(&content) == self.brought.digest() => Ok(content),
            Some(_) => Err(Failure::failed(told("is not what the run began with"))),
            None => Err(Failure::missing(told("is gone"))),
        }
    }
}
