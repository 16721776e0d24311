//! `artifact.pack`: what was proven here, as an archive for other hosts.
//!
//! The archive is that of `runbook-backup`; who takes it to which host is a rollout's business.

use runbook_backup::pack_directory;
use runbook_host::{Command, Reader, backup_failure};
use runbook_model::{ArtifactMade, Declaration, Diagnostic, Failure, Prediction, Results, Role, outputs};
use runbook_step::{
    Args, Confirmation, Done, Kind, KindDoc, Lack, OutputDoc, Param, ParamType, Probe, Step, Undoing, Work, lack,
};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::Duration;

/// The kind.
pub(crate) struct ArtifactPack;

static DOC: KindDoc = KindDoc {
    name: "artifact.pack",
    summary: "Packs a directory that was proven here, for other hosts",
    text: "The archive is a standard tar with zstd, in frames of 4 MiB with a table at its end; its names begin at the directory, so \
         `artifact.deploy` takes it without `strip`. It lies with the run, is called by its BLAKE3 digest, and is durable before the step is done. \
         It is made after the verifications (rule `verify-before-promote`) and where something was changed; a run that has nothing to do packs nothing.\n\n\
         Refused is what another host could not take: a socket, a device, a mount, a link that leads out of the directory, and \
         what changes while it is read. With `node` the archive says for which modules of Node it was built, as that program tells it.",
    params: &[
        Param::required("path", ParamType::Path, "The directory"),
        Param::optional("node", ParamType::Path, "The node that runs what is in it, if it has native modules"),
    ],
    outputs: &[
        OutputDoc { name: "path", help: "the archive, text" },
        OutputDoc { name: "digest", help: "its BLAKE3 digest, text" },
        OutputDoc { name: "bytes", help: "its size, a number" },
        OutputDoc { name: "files", help: "how many regular files it holds, a number" },
        OutputDoc {
            name: "node_abi",
            help: "the version of Node's interface for native modules, text; null without `node`",
        },
    ],
    example: "- id: core\n  uses: artifact.pack\n  with:\n    path: \"{{ steps.inventory.package_root }}\"\n    node: \"{{ steps.inventory.node }}\"\n",
};

/// How long node may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);

impl Kind for ArtifactPack {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::attendant().role(Role::Promote).reading(args.path_resource("path"))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Pack { path: args.need("path")?, node: args.maybe("node")? }))
    }
}

struct Pack {
    path: PathBuf,
    node: Option<PathBuf>,
}

impl Pack {
    /// What node says of its native modules.
    fn node_abi(&self, host: &Reader) -> Result<Option<String>, Failure> {
        let Some(command) = self.asking() else { return Ok(None) };
        let said = host.ask(&command)?;
        match said.text().trim() {
            abi if said.status.success() && !abi.is_empty() => Ok(Some(abi.to_owned())),
            _ => Err(Failure::failed(format!("`{}` ended with {}", command.line(), said.ending()))
                .detail(said.tail())
                .hint("name the node that runs what is packed")),
        }
    }

    fn asking(&self) -> Option<Command> {
        let node = self.node.as_ref()?.to_string_lossy().into_owned();
        Some(Command {
            limit: Some(PATIENCE),
            ..Command::new([node, "-p".to_owned(), "process.versions.modules".to_owned()])
        })
    }
}

impl Step for Pack {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let path = self.path.display();
        match host.lstat(&self.path)? {
            Some(found) if found.is_dir() => {
                Ok(Probe::of(Prediction::change(format!("{path} is packed for other hosts"))))
            }
            Some(_) => Err(Failure::refused(format!("{path} is not a directory"))
                .hint("name the directory that it leads to, or that holds it")),
            None => Err(Failure::missing(format!("the directory {path} is not there"))),
        }
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        self.asking().map_or(Vec::new(), |command| lack::of_command(host, &command))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        work.host.act()?;
        let node_abi = self.node_abi(work.host)?;
        work.say(format!("packing {}", self.path.display()));
        let unwanted = || work.host.still_wanted().is_err();
        let made = pack_directory(&self.path, work.dir, &unwanted).map_err(|error| {
            let failed = || backup_failure(&format!("{} cannot be packed", self.path.display()), &error);
            work.host.still_wanted().err().unwrap_or_else(failed)
        })?;
        let digest = made.digest.to_string();
        let artifact = Some(Box::new(ArtifactMade { path: made.path.clone(), digest: digest.clone() }));
        let outputs = outputs([
            ("path", json!(made.path.to_string_lossy())),
            ("digest", json!(digest)),
            ("bytes", json!(made.bytes)),
            ("files", json!(made.files)),
            ("node_abi", json!(node_abi)),
        ]);
        Ok(Done::saying(format!("{} packed as {} bytes", self.path.display(), made.bytes)).with(Results {
            outputs,
            artifact,
            ..Results::default()
        }))
    }

    fn confirm(&self, _: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        Ok(Confirmation::CannotTell)
    }
}
