//! `artifact.deploy`: a directory as an artifact has it, swapped in by one rename.
//!
//! `artifact_deploy/listing.rs` reads what an artifact and a directory hold, for comparing them.

mod listing;

use listing::{Listing, Member};
use runbook_backup::{Model, Staging};
use runbook_host::{Host, Reader, backup_failure};
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, Role, UndoSource, outputs};
use runbook_step::lack::of_parent;
use runbook_step::{
    Args, Done, Kind, KindDoc, Lack, OutputDoc, OwnUndo, Param, ParamType, Prepared, Probe, Step, Undoing, Work, wrong,
};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct ArtifactDeploy;

static DOC: KindDoc = KindDoc {
    name: "artifact.deploy",
    summary: "Replaces a directory by the content of an artifact, in one rename",
    text: "The artifact is a directory of this host or an archive (`.tar`, `.tar.zst`, `.tar.gz`, `.tgz`). It is unpacked \
         beside `to` and made durable, then the two are swapped in one rename: the service finds the old or the new \
         directory, never a mixture. (A file system that cannot swap, such as NFS, takes two renames: for a moment \
         nothing is there.) With `digest` an archive that is not the validated one is refused. When every \
         file, link and directory of `to` is as in the artifact (content and executable bit) there is nothing to do.\n\n\
         Everything new belongs to the owner and the group of the directory that it replaces, wherever the artifact \
         comes from. Its top has the mode, the attributes, the ACL and the default ACL of that directory; what is below \
         has the modes of the artifact, and inherits a default ACL and the setgid bit as what is made there does. Bits \
         that let a program run as its owner stay only where the owner stays. Where nothing is replaced, everything \
         belongs to the user that runs `runbook`. What was there \
         is set aside with the run, with all that was written since the backup; undo puts `to` back from the backup of \
         the plan that covers it. Refused are archives that reach outside of themselves, a symlink, a file or a mount \
         point at `to`, and a directory that holds one.",
    params: &[
        Param::required("from", ParamType::Path, "The artifact: a directory or an archive on this host"),
        Param::required("to", ParamType::Path, "The directory; the one that holds it must exist"),
        Param::optional("digest", ParamType::String, "The BLAKE3 digest of the archive, in hex"),
        Param::default("strip", ParamType::Count, "0", "How many directories at the top of the artifact are left out"),
        Param::optional(
            "version",
            ParamType::String,
            "The version that is in it, for the reviews of the plan: a digest says none. Whether it runs is for a verification to say",
        ),
    ],
    outputs: &[
        OutputDoc { name: "path", help: "the directory's absolute path, text" },
        OutputDoc { name: "files", help: "how many files the artifact holds, a number" },
        OutputDoc { name: "digest", help: "the BLAKE3 digest of the archive, text; null for a directory" },
    ],
    example: "- id: plugin\n  uses: artifact.deploy\n  with:\n    from: /srv/artifacts/openclaw-slack-2026.3.24.tgz\n    \
         to: ~/.openclaw/plugins/slack\n    strip: 1\n",
};

impl Kind for ArtifactDeploy {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        if let [Some(from), Some(to)] = ["from", "to"].map(|name| args.peek::<PathBuf>(name).known())
            && (from.starts_with(&to) || to.starts_with(&from))
        {
            found.push(wrong("to", args.span("to"), "apart from `from`, neither inside the other"));
        }
        let is_digest = |digest: &String| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        args.expect("digest", found, is_digest, "a BLAKE3 digest: 64 hexadecimal digits, as b3sum prints");
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let declaration = Declaration::principal(UndoSource::Backup).role(Role::Replace).role(Role::Install);
        let version = args.peek::<String>("version").known();
        Declaration { version, ..declaration.reading(args.path_resource("from")).writing(args.path_resource("to")) }
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let strip: u64 = args.need("strip")?;
        Ok(Box::new(Deploy {
            from: args.need("from")?,
            to: args.need("to")?,
            digest: args.maybe::<String>("digest")?.map(|digest| digest.to_ascii_lowercase()),
            strip: usize::try_from(strip).unwrap_or(usize::MAX),
        }))
    }
}

struct Deploy {
    from: PathBuf,
    to: PathBuf,
    digest: Option<String>,
    strip: usize,
}

/// An artifact that was looked at.
struct Artifact {
    listing: Listing,
    digest: Option<String>,
}

impl Artifact {
    fn files(&self) -> usize {
        self.listing.values().filter(|member| matches!(member, Member::File { .. })).count()
    }
}

impl Deploy {
    /// Reads the whole artifact; refuses one that is not the validated one.
    fn artifact(&self, host: &Reader) -> Result<Artifact, Failure> {
        let from = self.from.display();
        match host.stat(&self.from)? {
            None => {
                Err(Failure::missing(format!("the artifact {from} is not there")).hint("bring it to this host first"))
            }
            Some(found) if found.is_dir() => match &self.digest {
                Some(_) => Err(Failure::refused(format!("the artifact {from} is a directory, which has no digest"))
                    .hint("pack it as an archive, or leave out `digest`")),
                None => {
                    Ok(Artifact { listing: self.stripped(listing::of_directory(host, &self.from)?)?, digest: None })
                }
            },
            Some(found) if !found.is_file() => {
                Err(Failure::refused(format!("the artifact {from} is neither a directory nor a file")))
            }
            Some(_) => {
                let digest = host.digest(&self.from)?;
                if self.digest.is_some() && self.digest != digest {
                    let [wanted, found] = [&self.digest, &digest].map(|one| one.as_deref().unwrap_or_default());
                    return Err(Failure::refused(format!("the artifact {from} is not the validated one"))
                        .detail(format!("wanted {wanted}\nfound  {found}"))
                        .hint("bring the validated archive to this host again"));
                }
                Ok(Artifact { listing: self.stripped(listing::of_archive(host, &self.from)?)?, digest })
            }
        }
    }

    fn stripped(&self, listing: Listing) -> Result<Listing, Failure> {
        listing::stripped(listing, self.strip).map_err(|level| {
            let (from, strip) = (self.from.display(), self.strip);
            let what = format!("has not one single directory at level {level}, so {strip} cannot be left out");
            Failure::refused(format!("the artifact {from} {what}")).hint("correct `strip`")
        })
    }

    /// What is at `to`; something that is not a directory is refused.
    fn current(&self, host: &Reader) -> Result<Option<Listing>, Failure> {
        let to = self.to.display();
        match host.lstat(&self.to)? {
            None => Ok(None),
            Some(found) if found.is_dir() => listing::of_directory(host, &self.to).map(Some),
            Some(found) if found.is_symlink() => Err(Failure::refused(format!("{to} is a symlink, not a directory"))
                .hint("name the directory that it leads to, or switch the link with `file.link`")),
            Some(_) => Err(Failure::refused(format!("{to} is a file, not a directory"))),
        }
    }

    /// The artifact, unpacked beside `to` where nobody else can reach it, and compared once more.
    fn staged(&self, host: &Host, artifact: &Artifact) -> Result<Staging, Failure> {
        host.act()?;
        let mut staging = Staging::beside(&self.to).map_err(|error| self.not_unpacked(&error))?;
        match self.fill(host, &mut staging, artifact) {
            Ok(()) => Ok(staging),
            Err(failure) => {
                // The first failure is the one to report; the undo removes what is left.
                let _ = staging.discard();
                Err(failure)
            }
        }
    }

    fn fill(&self, host: &Host, staging: &mut Staging, artifact: &Artifact) -> Result<(), Failure> {
        let is_dir = host.stat(&self.from)?.is_some_and(|found| found.is_dir());
        let model = Model::of(&self.to).map_err(|error| self.not_unpacked(&error))?;
        let filled = match host.canonical(&self.from)? {
            // A link that leads to the artifact is followed; links inside stay links.
            Some(from) if is_dir => staging.copy(&from, model.as_ref()),
            _ => staging.unpack(&self.from, model.as_ref()),
        };
        let stripped = filled.and_then(|_| staging.strip(self.strip));
        let dressed = stripped.and_then(|()| model.map_or(Ok(()), |model| staging.dress(&model)));
        dressed.map_err(|error| self.not_unpacked(&error))?;
        if listing::of_directory(host, &staging.new_path())? != artifact.listing {
            return Err(Failure::failed(format!("{} changed while it was unpacked", self.from.display()))
                .hint("find out what writes there, then run the plan again"));
        }
        host.still_wanted()?;
        host.act()
    }

    fn not_unpacked(&self, error: &runbook_backup::Error) -> Failure {
        backup_failure(&format!("{} cannot be unpacked", self.from.display()), error)
    }

    /// What an interrupted run left beside `to`.
    fn leftovers(&self) -> Result<Vec<PathBuf>, Failure> {
        runbook_backup::unfinished(&self.to)
            .map_err(|error| backup_failure(&format!("cannot look beside {}", self.to.display()), &error))
    }

    fn outputs(&self, artifact: &Artifact) -> Outputs {
        outputs([
            ("path", json!(self.to.to_string_lossy())),
            ("files", json!(artifact.files())),
            ("digest", json!(artifact.digest)),
        ])
    }
}

impl Step for Deploy {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let (to, from) = (self.to.display(), self.from.display());
        host.expendable(&self.to)?;
        let current = self.current(host)?;
        let artifact = self.artifact(host)?;
        let prediction = match current {
            None => Prediction::change(format!("{to} is made from {from}, {} files", artifact.files())),
            Some(current) => match listing::differences(&current, &artifact.listing) {
                differences if differences.is_empty() => match self.leftovers()?.first() {
                    None => Prediction::no_change(format!("{to} is as in {from}")),
                    Some(left) => {
                        let left = left.display();
                        Prediction::change(format!(
                            "{to} is as in {from}; {left} of an interrupted run is cleared away"
                        ))
                    }
                },
                differences => {
                    let summary = format!("{to} is replaced by {from}: {} entries differ", differences.len());
                    Prediction::change_with(summary, listing::shown(&differences))
                }
            },
        };
        Ok(Probe::of(prediction).with(self.outputs(&artifact)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        // A probe that ended well has read all of it.
        let artifact =
            failed.and_then(|_| self.artifact(host).err()).map(|failure| Lack::at(host, &self.from, failure));
        artifact.into_iter().chain(of_parent(host, &self.to)).collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        host.can_restore(&self.to)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        work.host.expendable(&self.to)?;
        let restore_points = work.covering(&self.to)?;
        let parent = self.to.parent().unwrap_or(Path::new("/"));
        match work.host.stat(parent)? {
            Some(found) if found.is_dir() => Ok(Prepared { restore_points, ..Prepared::default() }),
            _ => Err(Failure::missing(format!("the directory {} is not there", parent.display()))
                .hint("make it with `file.directory` first")),
        }
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let (host, to) = (work.host, self.to.display());
        host.expendable(&self.to)?;
        let failed = |error| backup_failure(&format!("{to} cannot be replaced"), &error);
        host.act()?;
        let mut replaced = runbook_backup::finish_interrupted(&self.to, &work.aside()).map_err(failed)?;
        let current = self.current(host)?;
        let artifact = self.artifact(host)?;
        let files = artifact.files();
        if current.as_ref() != Some(&artifact.listing) {
            work.say(format!("unpacking {files} files"));
            let staging = self.staged(host, &artifact)?;
            // What was unpacked takes room that the way back needs too.
            if let Err(failure) = work.still_covered(&self.to) {
                let _ = staging.discard();
                return Err(failure);
            }
            replaced = staging.put_in_place(&work.aside()).map_err(failed)?.or(replaced);
        }
        if let Some(replaced) = &replaced {
            work.sets_aside(&self.to, replaced);
        }
        let kept = replaced.map(|it| format!("; what was there is in {}", it.path.display())).unwrap_or_default();
        Ok(Done::saying(format!("{to} replaced, {files} files{kept}")).with(self.outputs(&artifact)))
    }
}

impl OwnUndo for Deploy {
    fn undo(&self, work: &Work<'_>, _: &Json) -> Result<String, Failure> {
        work.restore(&self.to)
    }
}
