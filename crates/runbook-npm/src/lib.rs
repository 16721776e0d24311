//! The npm kinds: what the registry has, global packages in one exact prefix, dependencies of one directory.
//!
//! A global package is installed in place by `install_step`, or built beside by `stage_step`, judged by `staged_tree`, and
//! swapped in by `swap_step`. `program` finds and runs npm, `site` is one package in one prefix, `manifest` reads package.json, `engines` judges
//! the node that a package asks for. npm's exit code is never believed alone; the disk is read.

mod at_work;
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
mod stage_step;
mod staged;
mod staged_tree;
mod swap_step;

runbook_step::kinds! {
    changelog::NpmChangelog,
    ci::NpmCi,
    install::NpmInstall,
    stage::NpmStage,
    view::NpmView,
}
