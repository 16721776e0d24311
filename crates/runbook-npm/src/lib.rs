//! The npm kinds: what the registry has, global packages in one exact prefix, dependencies of one directory.
//!
//! `program` finds and runs npm, `site` is one package in one prefix, `manifest` reads package.json, `engines` judges
//! the node that a package asks for. npm's exit code is never believed alone; the disk is read.

mod changelog_text;
mod engines;
mod failures;
mod install_step;
mod lock;
mod manifest;
mod params;
mod program;
mod site;
mod source;

runbook_step::kinds! {
    changelog::NpmChangelog,
    ci::NpmCi,
    install::NpmInstall,
    view::NpmView,
}
