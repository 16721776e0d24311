//! `jiti-cache.clear`: no compiled program text of an older version is left for the service to load.

use crate::host::Reader;
use crate::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Probe, Step, Work};
use runbook_model::{Declaration, Diagnostic, Effect, Failure, Outputs, Prediction, Resource, Role, UndoPhase};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct JitiCacheClear;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("jiti-cache.clear"),
    summary: Cow::Borrowed("Removes the cache of compiled modules that jiti keeps"),
    text: Cow::Borrowed(
        "A plugin that was replaced at the same path can go on running from this cache. The second field report lost a \
         fix to it. The directory is moved aside in one rename and then removed. In a directory that everybody may \
         write to, such as `/tmp`, a name proves nothing: a symlink, something that is no directory, a directory of \
         another owner than the caller or `owner`, and a place where others could swap it are refused, and what was \
         moved is looked at once more before it is removed. A cache builds itself again, so there is nothing to undo.",
    ),
    params: Cow::Borrowed(&[
        Param::optional("dir", ParamType::Path, "The cache; `$TMPDIR/jiti`, else `/tmp/jiti`, without it"),
        Param::optional("owner", ParamType::String, "A user, besides the caller, who may own it: the service's user"),
    ]),
    outputs: Cow::Borrowed(&[OutputDoc { name: "removed", help: "how many entries went, a number" }]),
    open_outputs: false,
    example: Cow::Borrowed("- id: jiti\n  uses: jiti-cache.clear\n  with:\n    owner: openclaw\n"),
};

impl Kind for JitiCacheClear {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let cache = args.path_resource("dir").unwrap_or_else(|| Resource::Path(std::env::temp_dir().join("jiti")));
        let mut declaration = Declaration::attendant().role(Role::ClearCache);
        declaration.effects.push(Effect::write(cache));
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Clear { dir: args.maybe("dir")?, owner: args.maybe("owner")? }))
    }
}

struct Clear {
    dir: Option<PathBuf>,
    owner: Option<String>,
}

impl Clear {
    fn dir(&self, host: &Reader) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| host.temp_dir().join("jiti"))
    }

    fn owners(&self, host: &Reader) -> Result<Vec<u32>, Failure> {
        let named = self.owner.as_deref().map(|name| host.uid_of(name)).transpose()?;
        Ok(std::iter::once(host.own_uid()).chain(named).collect())
    }

    /// Whether there is a cache that may be removed; a refusal if what is there is something else.
    fn is_there(&self, host: &Reader, dir: &Path) -> Result<bool, Failure> {
        host.expendable(dir)?;
        let Some(found) = host.lstat(dir)? else { return Ok(false) };
        let place = dir.display();
        let refused = |what: String| Err(Failure::refused(what).hint("look at who made it before you remove it"));
        if found.is_symlink() {
            return refused(format!("{place} is a symlink, not a cache directory"));
        }
        if !found.is_dir() {
            return refused(format!("{place} is not a directory"));
        }
        if !self.owners(host)?.contains(&found.uid()) {
            return refused(format!("{place} belongs to the user number {}", found.uid()));
        }
        let parent = dir.parent().unwrap_or(Path::new("/"));
        if let Some(around) = host.stat(parent)?
            && others_may_swap(&around)
        {
            return refused(format!(
                "{} lets everybody rename {place}: it is world-writable without the sticky bit",
                parent.display()
            ));
        }
        Ok(true)
    }
}

/// Whether somebody else than the owner of an entry can rename it in this directory.
fn others_may_swap(parent: &Metadata) -> bool {
    parent.mode() & 0o002 != 0 && parent.mode() & 0o1000 == 0
}

impl Step for Clear {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let dir = self.dir(host);
        let place = dir.display();
        if !self.is_there(host, &dir)? {
            let outputs = Outputs::from_iter([("removed".to_owned(), json!(0))]);
            return Ok(Probe::of(Prediction::no_change(format!("no cache is at {place}"))).with(outputs));
        }
        let entries = host.list(&dir)?.unwrap_or_default().len();
        Ok(Probe::of(Prediction::change(format!("the cache {place} is removed, {entries} entries directly in it"))))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let dir = self.dir(work.host);
        self.is_there(work.host, &dir)?;
        let removed = work.host.clear_shared_dir(&dir, &self.owners(work.host)?)?.unwrap_or_default();
        let outputs = Outputs::from_iter([("removed".to_owned(), json!(removed))]);
        Ok(Done::saying(format!("{} removed, {removed} entries", dir.display())).with(outputs))
    }

    fn take_back(&self, _: UndoPhase, _: &Work<'_>, _: &Json) -> Result<String, Failure> {
        Ok(String::new())
    }
}
