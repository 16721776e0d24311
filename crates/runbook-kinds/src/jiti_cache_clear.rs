//! `jiti-cache.clear`: no compiled program text of an older version is left for the service to load.
//!
//! `places.rs` finds where a service has its cache, `entries.rs` knows one by what is in it.

mod entries;
mod places;

use self::places::Places;
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Role, UndoSource};
use runbook_services::naming::{SUPERVISOR, TARGET, UNIT, USER};
use runbook_services::{AnyService, TargetService};
use runbook_step::{
    Args, Done, Kind, KindDoc, OutputDoc, OwnUndo, Param, ParamType, Prepared, Probe, Step, Undoing, Work,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct JitiCacheClear;

static DOC: KindDoc = KindDoc {
    name: "jiti-cache.clear",
    summary: "Removes the cache of compiled modules that jiti keeps",
    text: "A plugin that was replaced at the same path can go on running from this cache. The second field report lost a \
         fix to it. The cache is where the service sees it: with `unit` the environment that systemd gives it counts \
         (`TMPDIR`, `JITI_FS_CACHE`), and its own `/tmp` where it has one. That one goes when the unit stops, unless other \
         units share it; then there is nothing to clear, and the step says so. A cache in `node_modules/.cache/jiti` of the \
         package that the unit executes is cleared as well. What a wrapper script sets is not known: name the cache with \
         `dir` then. Nothing is cleared under a `service` or `unit` that runs: stop it in an earlier step. The directory is \
         moved aside in one rename and then removed. In a directory that somebody else may write to, such as `/tmp`, a \
         name proves nothing: a symlink in the path that somebody else made, something that is no directory, a directory \
         of another owner than the caller, the user of the unit or `owner`, and a place where others could swap it are \
         refused, and what was moved is looked at once more before it is removed. A directory that holds anything but \
         files that jiti can have written is refused too, wherever it is: nothing in it may be a directory or a link, \
         each name ends as that of a module, and has jiti's hash where the directory is not called `jiti`.\n\n\
         A cache builds itself again, and that takes an old version as long as its first start. So it is kept with the run, \
         and undo puts it back in place of what the new version compiled. Where it cannot be kept, the step says so.",
    params: &[
        Param::optional(
            "dir",
            ParamType::Path,
            "The cache; without it, and without `unit` or `service`, `$TMPDIR/jiti` of the caller, else `/tmp/jiti`",
        ),
        Param::optional("owner", ParamType::String, "A user, besides the caller and the unit's user, who may own it"),
        UNIT,
        USER,
        Param::optional(
            "service",
            ParamType::Name(SUPERVISOR.names),
            "The service of the embedded supervisor whose cache it is",
        ),
    ],
    outputs: &[OutputDoc { name: "removed", help: "how many entries went, a number" }],
    example: "- id: jiti\n  uses: jiti-cache.clear\n  with:\n    unit: openclaw.service\n",
};

impl Kind for JitiCacheClear {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        TARGET.check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let service = TARGET.resource(args);
        // Where a service has its cache is known on the host alone.
        let own = || match service {
            Some(_) => Resource::UnknownPath,
            None => Resource::Path(std::env::temp_dir().join("jiti")),
        };
        let cache = args.path_resource("dir").unwrap_or_else(own);
        let declaration = Declaration { undo: UndoSource::Own, ..Declaration::attendant() };
        declaration.role(Role::ClearCache).writes(cache).reading(service)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let service = TARGET.bind(args)?;
        let is_started = service.as_ref().is_some_and(|one| args.context.services.contains(&one.resource()));
        Ok(Box::new(Clear { dir: args.maybe("dir")?, owner: args.maybe("owner")?, service, is_started }))
    }
}

struct Clear {
    dir: Option<PathBuf>,
    owner: Option<String>,
    service: Option<AnyService>,
    /// Whether the plan itself starts that service.
    is_started: bool,
}

/// Everything that is known before something is removed.
struct Found {
    places: Places,
    /// Who may own a cache.
    owners: Vec<u32>,
    /// How the service runs, if it does.
    up: Option<String>,
}

impl Clear {
    fn target(&self) -> Option<&dyn TargetService> {
        self.service.as_deref()?.target()
    }

    fn find(&self, host: &Reader) -> Result<Found, Failure> {
        let target = self.target();
        let up = target.map(|target| target.up(host, self.is_started)).transpose()?.flatten();
        let mut owners = vec![host.own_uid()];
        match (&self.owner, target) {
            (Some(name), _) => owners.push(host.uid_of(name)?),
            (None, Some(target)) => owners.extend(target.owner(host)?),
            (None, None) => {}
        }
        let places = match (&self.dir, target) {
            (Some(dir), _) => Places::only(dir.clone()),
            (None, Some(target)) => Places::of(host, target)?,
            (None, None) => Places::only(host.temp_dir().join("jiti")),
        };
        Ok(Found { places, owners, up })
    }

    /// The caches that are there and may be removed; a refusal if one is something else.
    fn caches<'f>(host: &Reader, found: &'f Found) -> Result<Vec<&'f Path>, Failure> {
        let mut caches = Vec::new();
        for dir in &found.places.dirs {
            if is_there(host, dir, &found.owners)? {
                caches.push(dir.as_path());
            }
        }
        Ok(caches)
    }
}

/// Whether there is a cache that may be removed; a refusal if what is there is something else.
fn is_there(host: &Reader, dir: &Path, owners: &[u32]) -> Result<bool, Failure> {
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
    if !owners.contains(&found.uid()) {
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
    entries::refuse_other(host, dir, dir)?;
    Ok(true)
}

/// Whether somebody else than the owner of an entry can rename it in this directory.
fn others_may_swap(parent: &Metadata) -> bool {
    parent.mode() & 0o002 != 0 && parent.mode() & 0o1000 == 0
}

impl Step for Clear {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let found = self.find(host)?;
        let caches = Self::caches(host, &found)?;
        if caches.is_empty() {
            return Ok(Probe::of(Prediction::no_change(found.places.none)).with([("removed", json!(0))]));
        }
        let mut said = Vec::new();
        for dir in caches {
            let entries = host.list(dir)?.unwrap_or_default().len();
            said.push(format!("the cache {} is removed, {entries} entries directly in it", dir.display()));
        }
        let until = match (self.target(), &found.up) {
            (Some(target), Some(_)) => format!(", once {} is down", target.full_name()),
            _ => String::new(),
        };
        Ok(Probe::of(Prediction::change(said.join("; ") + &until)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let found = self.find(work.host)?;
        if found.up.is_some() {
            // `apply` refuses it.
            return Ok(Prepared::default());
        }
        let caches: Vec<PathBuf> = Self::caches(work.host, &found)?.into_iter().map(Path::to_path_buf).collect();
        let kept = match work.capture(&caches) {
            Ok(_) => Ok(caches),
            Err(failure) => Err(failure.message),
        };
        Ok(Prepared::of(json!(Before { kept })))
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let found = self.find(work.host)?;
        if let (Some(target), Some(up)) = (self.target(), &found.up) {
            let name = target.full_name();
            let message = format!("{name} is {up}, and would go on with the modules that it has loaded");
            return Err(Failure::refused(message)
                .hint("stop it in a step before this one, and start it in one after it; a restart is not enough"));
        }
        let mut removed = 0;
        let mut said = Vec::new();
        for dir in Self::caches(work.host, &found)? {
            let refuse = |moved: &_| entries::refuse_other(work.host, moved, dir);
            let entries = work.host.clear_shared_dir(dir, &found.owners, &refuse)?.unwrap_or_default();
            said.push(format!("{} removed, {entries} entries", dir.display()));
            removed += entries;
        }
        if let Some(Before { kept: Err(why) }) = read_back(undo) {
            said.push(format!("a rollback will be without it: {why}"));
        }
        let said = if said.is_empty() { found.places.none } else { said.join("; ") };
        Ok(Done::saying(said).with([("removed", json!(removed))]))
    }
}

/// What undo needs: the caches that were kept, or why none was.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    kept: Result<Vec<PathBuf>, String>,
}

impl OwnUndo for Clear {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        match read_back(undo) {
            Some(Before { kept: Ok(kept) }) if !kept.is_empty() => work.restore_captured(&kept),
            _ => Ok("the cache builds itself again".to_owned()),
        }
    }
}

fn read_back(undo: &Json) -> Option<Before> {
    Before::deserialize(undo).ok()
}
