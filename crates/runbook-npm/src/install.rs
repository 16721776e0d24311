//! `npm.install`: one version of a package in one global prefix. What a step of it does is in `install_step`.

use super::install_step::Install;
use super::manifest::is_package_name;
use super::params;
use super::program::Npm;
use super::site::Site;
use super::source::Source;
use super::swap_step::Swap;
use runbook_model::{Code, Declaration, Diagnostic, Diagnostics, Effect, Resource, Role, UndoSource};
use runbook_step::{Args, Kind, KindDoc, OutputDoc, Param, ParamType, Peek, Step, wrong};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The kind.
pub(crate) struct NpmInstall;

static DOC: KindDoc = KindDoc {
    name: "npm.install",
    summary: "Installs one version of an npm package into one global prefix",
    text: "Installs from a registry, a local tarball or a local folder (which is copied, never linked). Nothing happens if \
         that version is there and whole: its commands lead into it and its dependencies are present; for a tarball or \
         folder the digests of the source and of what was installed from it must match as well. npm's exit code is not \
         believed: package.json, commands and dependencies are read from the disk afterwards.\n\n\
         Refused before anything is changed: a prefix that lies inside a package, is a package, is a file, leads \
         elsewhere through a symlink, or may not be written; root working in another user's prefix; a package that is \
         linked with `npm link`; a command that belongs to something else; a version that does not exist; a node that \
         is too old for it; another npm at work on the package. The npm of the prefix is used if it has one, else the one on \
         PATH, each with the node beside it. Settings of any npmrc cannot redirect it.\n\n\
         With `staged: \"{{ steps.stage.ready }}\"` what `npm.stage` has built and verified while the service was up is \
         exchanged with the package in one rename, and the links in `bin` and `share/man` are mended. No npm runs then, and \
         no network is used. Both directories must be the ones that were noted when it was staged. Undo is the same exchange; where the \
         kept tree was changed meanwhile, it is the backup. Where `ready` is false it works in place.\n\n\
         In place, undo puts the package's directory back from the backup of the plan, and the links in `bin` and `share/man` \
         from its own capture. It runs no npm and needs no network. What an npm that was killed left behind is cleared \
         away. A package that was not there before is removed again. Install scripts of the package may change other \
         things; only `ignore_scripts` keeps them from it.",
    params: &[
        Param::required("package", ParamType::String, "The package's name, with its scope"),
        Param::optional("version", ParamType::Version, "The version; needed unless `from` is given"),
        Param::optional(
            "from",
            ParamType::Path,
            "A tarball or folder on this host to install instead of asking a registry",
        ),
        Param::optional("prefix", ParamType::Path, "The global prefix, as `npm prefix --global` prints it; needed"),
        params::NPM_OF_PREFIX,
        params::NODE,
        params::REGISTRY,
        params::IGNORE_SCRIPTS,
        params::ENV,
        Param::default(
            "staged",
            ParamType::Bool,
            "false",
            "Whether it was built by an `npm.stage` of this plan: its output `ready`",
        ),
    ],
    outputs: &[
        OutputDoc { name: "version", help: "the version that is installed, text" },
        OutputDoc { name: "package_root", help: "the package's directory, text" },
        OutputDoc { name: "bins", help: "the names of its commands, a list of text" },
    ],
    example: "- id: install\n  uses: npm.install\n  with:\n    package: openclaw\n    version: 2026.4.15\n    prefix: /usr/local\n",
};

/// Variables that would contradict the parameters. Flags win over them, but a reader of the plan would be misled.
const REDIRECTING: [&str; 5] =
    ["npm_config_prefix", "npm_config_global", "npm_config_location", "npm_config_dry_run", "prefix"];

impl Kind for NpmInstall {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        check_what(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut declaration = Declaration::principal(UndoSource::Backup).role(Role::Replace).role(Role::Install);
        let package = args.peek::<String>("package");
        let prefix = args.peek::<PathBuf>("prefix");
        match (&prefix, &package) {
            (Peek::Known(prefix), Peek::Known(package)) => {
                let site = Site { prefix: prefix.clone(), package: package.clone() };
                declaration = declaration.writes(Resource::Path(site.dir()));
            }
            (Peek::Absent, _) => {
                declaration.vague_target = Some("`prefix` is not given, so npm's settings would decide".to_owned());
            }
            _ => declaration = declaration.writes(Resource::UnknownPath),
        }
        if let Peek::Known(prefix) = prefix {
            // Two npm at work in one prefix at the same time damage each other.
            declaration = declaration.writes(Resource::Package(format!("npm in {}", prefix.display())));
        }
        if let Peek::Known(package) = package {
            declaration = declaration.writes(Resource::Package(format!("npm:{package}")));
        }
        declaration.effects.extend(args.path_resource("from").map(Effect::read));
        if args.given("from").is_none() {
            declaration.version = args.peek::<String>("version").known();
        }
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let install = bound(args)?;
        Ok(if args.need("staged")? { Box::new(Swap(install)) } else { Box::new(install) })
    }
}

/// What is installed, from where and how: what `npm.install` and `npm.stage` have in common.
pub(super) fn bound(args: &Args<'_>) -> Result<Install, Diagnostic> {
    let version = args.maybe::<String>("version")?;
    let source = match args.maybe::<PathBuf>("from")? {
        Some(path) => Source::Local(path, version),
        None => Source::Registry(args.need("version")?),
    };
    let prefix = args.maybe("prefix")?.ok_or_else(|| {
        let what = format!("`{}` needs the parameter `prefix`", args.doc.name);
        Diagnostic::error(Code::MISSING_PARAMETER, args.step_span, what)
            .help("no exception can stand in for it: name the prefix, best from `service.inspect`")
    })?;
    Ok(Install {
        site: Site { prefix, package: args.need("package")? },
        source,
        npm: Npm::from_args(args)?,
        ignore_scripts: args.need("ignore_scripts")?,
    })
}

/// Judges the parameters that say what is installed.
pub(super) fn check_what(args: &Args<'_>, found: &mut Diagnostics) {
    check_package(args, found);
    check_version(args, found);
    check_env(args, found);
    if args.given("version").is_none() && args.given("from").is_none() {
        let what = format!("`{}` needs `version` or `from`", args.doc.name);
        found.push(
            Diagnostic::error(Code::MISSING_PARAMETER, args.step_span, what)
                .help("name the exact version, or a tarball or folder on this host"),
        );
    }
    if let (Some(_), Some(registry)) = (args.given("from"), args.node.get("registry")) {
        found.push(Diagnostic::warning(
            Code::CONFLICTING_PARAMETERS,
            registry.key_span,
            "`registry` is asked for dependencies alone, because `from` names a local package",
        ));
    }
}

/// Refuses what is no package name: it becomes part of a path and of an argument.
pub(super) fn check_package(args: &Args<'_>, found: &mut Diagnostics) {
    let Peek::Known(package) = args.peek::<String>("package") else { return };
    if !is_package_name(&package) {
        let wanted = "the name of a package, such as openclaw or @scope/plugin";
        let fault = wrong("package", args.span("package"), wanted);
        let versioned = package.char_indices().skip(1).any(|(_, c)| c == '@');
        found.push(fault.maybe_help(versioned.then(|| "the version has a parameter of its own, `version`".to_owned())));
    }
}

/// Refuses what npm would read as something else than a version, tag or range: an address, an alias, a file.
pub(super) fn check_version(args: &Args<'_>, found: &mut Diagnostics) {
    let Peek::Known(version) = args.peek::<String>("version") else { return };
    let fits = |c: char| c.is_ascii_alphanumeric() || " .+-_^~<>=*|".contains(c);
    if version.is_empty() || version.starts_with(['-', '.']) || !version.chars().all(fits) {
        let fault = wrong("version", args.span("version"), "a version, not an address or a file");
        found.push(fault.help("`from` installs a tarball or folder of this host"));
    }
}

fn check_env(args: &Args<'_>, found: &mut Diagnostics) {
    let names = args.given("env").map(|env| env.entries()).unwrap_or_default();
    let names: BTreeMap<String, _> =
        names.iter().map(|entry| (entry.key.to_ascii_lowercase(), entry.key_span)).collect();
    for name in REDIRECTING {
        if let Some(span) = names.get(name) {
            let message = format!("`{name}` in `env` contradicts the parameters of the step");
            found.push(
                Diagnostic::error(Code::CONFLICTING_PARAMETERS, *span, message)
                    .help("the prefix is what `prefix` says, whatever npm is set to; remove the variable"),
            );
        }
    }
}
