//! Laying out releases. They differ as those of the first field report do: 1.1.0 moves the host package out of the way
//! of its plugins, 1.2.0 links it into them.

use crate::app::HOST_PACKAGE;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// How plugins get at the host package.
enum Layout {
    /// It lies in a directory above them.
    Above,
    /// It lies beside them, where nothing looks for it.
    Apart,
    /// It lies beside them, and each plugin has a link to it.
    Linked,
}

/// Lays out release `version` at `dir`, which must not exist.
pub(crate) fn make(version: &str, dir: &Path) -> Result<(), String> {
    let layout = match version {
        "1.0.0" => Layout::Above,
        "1.1.0" => Layout::Apart,
        "1.2.0" => Layout::Linked,
        _ => return Err(format!("there is no release {version}; there are 1.0.0, 1.1.0 and 1.2.0")),
    };
    let failed = |error: std::io::Error| format!("cannot lay out {}: {error}", dir.display());
    lay_out(version, &layout, dir).map_err(failed)
}

fn lay_out(version: &str, layout: &Layout, dir: &Path) -> std::io::Result<()> {
    fs::create_dir(dir)?;
    fs::write(dir.join("VERSION"), format!("{version}\n"))?;
    let format = if matches!(layout, Layout::Above) { 1 } else { 2 };
    write(&dir.join("package.json"), &json!({ "name": "demo-gateway", "version": version, "stateFormat": format }))?;
    let host = match layout {
        Layout::Above => dir.join("node_modules").join(HOST_PACKAGE),
        Layout::Apart | Layout::Linked => dir.join("host"),
    };
    fs::create_dir_all(&host)?;
    write(&host.join("package.json"), &json!({ "name": HOST_PACKAGE, "version": version }))?;
    for number in 0..40 {
        fs::write(host.join(format!("module-{number:02}.js")), format!("export const module = {number};\n"))?;
    }
    for plugin in ["chat", "mail"] {
        let home = dir.join("plugins").join(plugin);
        fs::create_dir_all(&home)?;
        let reply = format!("{plugin} {version} heard: {{message}}");
        write(&home.join("plugin.json"), &json!({ "name": plugin, "imports": [HOST_PACKAGE], "reply": reply }))?;
        if matches!(layout, Layout::Linked) {
            fs::create_dir(home.join("node_modules"))?;
            symlink("../../../host", home.join("node_modules").join(HOST_PACKAGE))?;
        }
    }
    Ok(())
}

fn write(path: &Path, value: &serde_json::Value) -> std::io::Result<()> {
    fs::write(path, format!("{value:#}\n"))
}
