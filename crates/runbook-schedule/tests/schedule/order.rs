//! Ordering: each case is a plan in a few lines and what must hold of it.

use crate::notation::*;
use runbook_model::OrderingRule;
use runbook_schedule::{Hazard, Reason};

/// The plan of the design: install and restart conflict, everything hangs on the inventory.
const UPGRADE: &str = "
    inventory inspect r=unit:gw
    backup backup=/state,? data=inventory
    install replace w=?,package:openclaw data=inventory undo=backup
    restart restart=unit:gw r=?
    verify verify=functional,negative r=unit:gw
";

#[test]
fn the_plan_of_the_design_is_one_line() {
    check(UPGRADE, &["inventory < backup < install < restart < verify"]);
    assert_eq!(codes(UPGRADE), [""; 0]);
    let schedule = schedule(UPGRADE);
    let order: Vec<&str> = schedule.order().iter().map(|id| id.as_str()).collect();
    assert_eq!(order, ["inventory", "backup", "install", "restart", "verify"]);
}

#[test]
fn the_file_may_be_in_any_order() {
    let mut lines: Vec<&str> = UPGRADE.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.reverse();
    let text = lines.join("\n");
    // Install behind the restart is how the file has it, and nothing stops the service.
    check(&text, &["inventory < backup < install", "backup < restart < verify"]);
}

#[test]
fn steps_conflict_about_what_they_share() {
    check("a w=/a\nb r=/a/b", &["a < b"]);
    check("a r=/a/b\nb w=/a", &["a < b"]);
    check("a w=/a\nb w=/ab", &["a | b"]);
    check("a w=/a/./b/\nb r=/a/b", &["a < b"]);
    check("a w=/a\nb r=/", &["a < b"]);
    check("a r=/a\nb r=/a", &["a | b"]);
    check("a w=?\nb r=/x\nc w=unit:x", &["a < b", "a | c", "b | c"]);
    check("a r=?\nb r=?\nc w=?", &["a | b", "a < c", "b < c"]);
    check("a w=tcp:1\nb r=tcp:1\nc w=tcp:2", &["a < b", "a | c"]);
    check("a w=unit:x\nb w=process:x\nc w=package:x", &["a | b", "b | c", "a | c"]);
    check("a w=/a\nb w=unit:x\nc w=*\nd r=/z\ne r=tcp:1", &["a < c", "b < c", "c < d", "c < e", "d | e"]);
    check("a r=*\nb r=/a\nc w=unit:x", &["a | b", "a < c"]);
    check("a w=/a\nb gate\nc w=/c", &["a < b < c"]);
    check("a w=/a/../b\nb r=/b", &["a < b"]);
}

#[test]
fn needs_and_data_order_what_shares_nothing() {
    check("a\nb needs=a\nc data=a\nd if=c", &["a < b", "a < c < d", "b | c"]);
    check("a needs=b r=/x\nb w=/x", &["b < a"]);
}

#[test]
fn only_what_forces_it_moves_against_the_file() {
    // `c` goes up because `a` needs it; `b`, which conflicts with `c`, still comes first.
    check("a needs=c w=/a\nb w=/b\nc r=/b", &["b < c < a"]);
    // Here it cannot: what is left of the order of the file is kept.
    check("a needs=c w=/a,/b\nb w=/b r=/a\nc w=/b", &["c < a < b"]);
}

#[test]
fn each_rule_moves_its_steps() {
    check("change w=/a\ninventory inspect r=unit:x", &["inventory < change"]);
    check("change w=/a\nbackup backup=/a", &["backup < change"]);
    check("change w=/b\nbackup backup=/a", &["backup > change"]);
    check("stop stop=unit:x\nbackup backup=/a", &["backup < stop"]);
    check("replace replace w=/p\nstop stop=unit:x\nstart start=unit:x r=/p", &["stop < replace < start"]);
    check("stop stop=unit:x\nstart start=unit:x r=/p\nreplace replace w=/p", &["stop < replace < start"]);
    check("replace replace w=?\nstop stop=unit:x\nstart start=unit:x", &["stop < replace < start"]);
    check("stage prepare w=package:s\nstop stop=unit:x\nstart start=unit:x", &["stage < stop < start"]);
    check("stop stop=unit:x\nstage prepare w=package:s\nstart start=unit:x", &["stage < stop < start"]);
    check("stop stop=unit:x\nstart start=unit:x\nstage prepare w=package:s", &["stage < stop < start"]);
    check("restart restart=unit:x r=/p\nstage prepare r=/p", &["restart | stage"]);
    check("stage prepare r=/p\nrestart restart=unit:x r=/p", &["stage < restart"]);
    let last = "stop stop=unit:x r=/p\nstart start=unit:x r=/p\nreplace replace w=/p data=stage\nstage prepare r=/p";
    check(last, &["stage < stop < replace < start"]);
    check("cache cache w=/tmp/jiti\nstop stop=unit:x\nstart start=unit:x", &["stop < cache < start"]);
    check("restart restart=unit:x\ncache cache w=/tmp/jiti", &["cache < restart"]);
    check("free port=1 w=tcp:1\nstop stop=unit:x\nstart start=unit:x", &["stop < free < start"]);
    check("stop stop=unit:x\nstart start=unit:x w=tcp:1\nfree port=1", &["stop < free < start"]);
    check("stop stop=unit:x\nfree port=1 w=tcp:1\nrestart restart=unit:x", &["stop < free < restart"]);
    check("verify verify=health\nrestart restart=unit:x", &["restart < verify"]);
    // A step that names its service belongs to that one, wherever the file has it.
    let two = "stopA stop=unit:a\nstartA start=unit:a\nstopB stop=unit:b\nstartB start=unit:b";
    for step in ["free port=1 w=tcp:1", "cache cache w=?"] {
        let name = step.split(' ').next().unwrap();
        check(&format!("{step} r=unit:b\n{two}"), &[&format!("stopB < {name} < startB")]);
        check(&format!("{two}\n{step} r=unit:a"), &[&format!("stopA < {name} < startA")]);
    }
    check("promote promote\nverify verify=health", &["verify < promote"]);
}

#[test]
fn what_is_written_between_a_stop_and_a_start_stays_there() {
    check("stop stop=unit:x\nedit w=/index\nstart start=unit:x", &["stop < edit < start"]);
    check("stop stop=unit:x\na w=/a\nb w=/b\nstart start=unit:x", &["stop < a < start", "stop < b < start", "a | b"]);
    check("stop stop=unit:x\nedit w=/index", &["stop < edit"]);
    check("before w=/a\nstop stop=unit:x\nstart start=unit:x\nafter w=/b", &["before | stop", "start | after"]);
    check("stop stop=unit:x\nlate w=/a needs=start\nstart start=unit:x", &["stop < start < late"]);
    check("a stop=unit:x\nedit w=/f\nb stop=unit:y\nc start=unit:x\nd start=unit:y", &["a < edit < c", "edit | b"]);
}

#[test]
fn what_stays_between_a_stop_and_a_start_yields_to_every_other_rule() {
    // The verification waits for the start, so what needs it is no part of the downtime.
    let text = "
        stop stop=unit:worker
        config w=/config
        verify verify=functional,negative
        marker w=/marker needs=verify
        start start=unit:worker
    ";
    check(text, &["stop < config < start < verify < marker"]);
    assert_eq!(codes(text), [""; 0]);
    check(
        "stop stop=unit:worker\nrestart restart=unit:gateway\nverify verify=functional\ncleanup w=/old needs=verify\n\
         start start=unit:worker",
        &["stop < start < verify < cleanup", "restart < verify"],
    );
    // The backup waits for nothing that is down, and neither does what it needs.
    check(
        "stop stop=unit:x\nmkdir w=/backups\nbackup backup=/state needs=mkdir\nedit w=/state/index\nstart start=unit:x",
        &["mkdir < backup < stop < edit < start"],
    );
}

#[test]
fn what_a_backup_or_a_late_look_needs_stays_before_it() {
    check("prepare w=/a\nbackup backup=/a data=prepare\nchange w=/a", &["prepare < backup < change"]);
    check("change w=/a\nlook inspect r=/a needs=change\nmore w=/b", &["change < look", "look | more"]);
    check(
        "stop stop=unit:x\nreplace replace w=?\nlook inspect needs=replace\nstart start=unit:x",
        &["stop < replace < start", "replace < look"],
    );
    check("v verify=health\ns start=unit:x needs=v", &["v < s"]);
}

#[test]
fn a_restart_without_a_stop_does_not_fight_the_author() {
    check("install replace w=/p needs=restart\nrestart restart=unit:x r=/p", &["restart < install"]);
    check("install replace w=/p\nrestart restart=unit:x", &["install < restart"]);
    assert_eq!(codes("cache cache w=/tmp/jiti needs=restart\nrestart restart=unit:x"), ["RB0401 restart"]);
}

#[test]
fn what_stops_and_never_starts_is_down_to_the_end() {
    check("verify verify=negative\nstop stop=unit:x\nremove replace w=/p", &["verify < stop < remove"]);
    check("verify verify=negative r=unit:x\nstop stop=unit:x", &["verify < stop"]);
    check("remove replace w=/p\nstop stop=unit:x r=/p", &["stop < remove"]);
}

#[test]
fn several_services_one_after_the_other() {
    let text = "
        stopA stop=unit:a
        replaceA replace w=/a
        startA start=unit:a r=/a
        verifyA verify=functional r=unit:a
        stopB stop=unit:b
        replaceB replace w=/b
        startB start=unit:b r=/b
        verifyB verify=functional r=unit:b
    ";
    check(
        text,
        &[
            "stopA < replaceA < startA < verifyA",
            "stopB < replaceB < startB < verifyB",
            "verifyA | stopB",
            "replaceA | stopB",
            "startA | startB",
        ],
    );
    let unnamed = text.replace(" r=unit:a", "").replace(" r=unit:b", "");
    check(&unnamed, &["startA < verifyA < stopB < replaceB < startB < verifyB"]);
    // The verification of `a` moves behind the start of `a`, not behind that of `b`.
    check("verifyA verify=health r=unit:a\nra restart=unit:a\nrb restart=unit:b", &["ra < verifyA", "rb | verifyA"]);
}

#[test]
fn one_service_stopped_twice_works_as_written() {
    for service in ["unit:a", "process:a"] {
        let text = format!(
            "
            stop1 stop={service}
            change1 replace w=/p
            start1 start={service} r=/p
            verify1 verify=functional r={service}
            stop2 stop={service}
            change2 replace w=/p
            cache2 cache w=/tmp/jiti
            start2 start={service} r=/p
            verify2 verify=functional r={service}
            "
        );
        let whole = "stop1 < change1 < start1 < verify1 < stop2 < change2 < start2 < verify2";
        check(&text, &[whole, "stop2 < cache2 < start2"]);
        check(&text.replace(" r=/p", "").replace("w=/p", "w=?"), &[whole, "stop2 < cache2 < start2"]);
    }
}

#[test]
fn a_second_backup_stays_behind_the_first_change() {
    let text = "b1 backup=/p\nr1 replace w=/p\nrestart1 restart=unit:a r=/p\nb2 backup=/p\nr2 replace w=/p";
    check(text, &["b1 < r1 < restart1", "r1 < b2 < r2"]);
}

#[test]
fn a_wrong_needs_shows_the_whole_ring() {
    let text = "stop stop=unit:x needs=replace\nreplace replace w=/p\nstart start=unit:x r=/p";
    let found = diagnostics(text);
    assert_eq!(codes(text), ["RB0401 replace"]);
    insta::assert_snapshot!(found[0].message, @"the steps wait for one another in a cycle: `replace` → `stop` → `replace`");
    let related: Vec<&str> = found[0].related.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(
        related,
        ["`stop` waits for `replace`: it needs it", "`replace` waits for `stop`: rule stop-before-replace"]
    );
    assert_eq!(codes("a needs=a"), ["RB0401 a"]);
    assert_eq!(codes("a needs=c\nb data=a\nc if=b\nx needs=y\ny needs=x").len(), 2);
    assert_eq!(codes("p promote\nv verify=health needs=p"), ["RB0401 p"]);
    assert_eq!(codes("a needs=bb\nb"), ["RB0112 bb"]);
}

#[test]
fn reasons_are_told_strongest_first() {
    let schedule = schedule("backup backup=/p\nreplace replace w=/p needs=backup data=backup");
    let edge = schedule.edges().next().unwrap();
    assert!(matches!(
        edge.reasons.as_slice(),
        [
            Reason::Needs { .. },
            Reason::Data { .. },
            Reason::Rule(OrderingRule::BackupBeforeChange),
            Reason::FileOrder { hazard: Hazard::WriteAfterRead, .. }
        ]
    ));
    let replace = edge.after.clone();
    assert_eq!(schedule.explain(&replace), [edge]);
    assert_eq!(schedule.before(&replace).collect::<Vec<_>>(), [&edge.before]);
    assert_eq!(schedule.after(&edge.before).collect::<Vec<_>>(), [&edge.after]);
}

#[test]
fn drawings_survive_odd_names() {
    let schedule = schedule("end w=/a\"b\\\nsubgraph r=/a\"b\\");
    insta::assert_snapshot!(schedule.mermaid(), @r#"
    flowchart TD
        s_end["end"]
        s_subgraph["subgraph"]
        s_end -->|"reads after a write: /a#quot;b\"| s_subgraph
    "#);
    insta::assert_snapshot!(schedule.dot(), @r#"
    digraph plan {
        node [shape=box];
        "end";
        "subgraph";
        "end" -> "subgraph" [label="reads after a write: /a\"b\\"];
    }
    "#);
}
