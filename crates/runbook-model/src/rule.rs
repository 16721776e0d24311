//! The named reasons of DESIGN: why one step comes before another, and why a plan is refused.

use crate::{Code, words};

words! {
    /// Rules that order the steps that a plan has; they invent none.
    OrderingRule {
        /// Inventory first, change later (report 2, rule 1).
        InspectBeforeChange = "inspect-before-change",
        /// Back up before touching the system (report 1, step 2).
        BackupBeforeChange = "backup-before-change",
        /// What takes the place of a program is built and judged before the service goes down.
        PrepareBeforeStop = "prepare-before-stop",
        /// A program is replaced while the service that runs it is down (report 2, §12.2).
        StopBeforeReplace = "stop-before-replace",
        /// A cache of compiled plugins is cleared between stop and start (report 2, §6).
        ClearCacheWhileStopped = "clear-cache-while-stopped",
        /// An orphan leaves the port before the service wants it (report 2, §12.1).
        FreePortBeforeStart = "free-port-before-start",
        /// What is verified is the service that was started.
        StartBeforeVerify = "start-before-verify",
        /// Only a validated result is promoted (report 2, rule 4).
        VerifyBeforePromote = "verify-before-promote",
    }
}

words! {
    /// Rules that refuse a plan unless the step allows the exception with a reason.
    Refusal {
        /// A change of a program, package or service without a local backup of what it changes.
        ChangeNeedsBackup = "change-needs-backup",
        /// A change that nothing can take back.
        ChangeNeedsUndo = "change-needs-undo",
        /// An undo that would use the network.
        UndoNeedsNoNetwork = "undo-needs-no-network",
        /// A verification that only looks at health.
        VerifyIsFunctional = "verify-is-functional",
        /// A verification that does not look for the absence of known errors.
        VerifyIsNegative = "verify-is-negative",
        /// A version that means something else tomorrow.
        ExactVersion = "exact-version",
        /// A change of an installation that is not named exactly.
        ExactTarget = "exact-target",
        /// A kill or a removal by pattern.
        NarrowKill = "narrow-kill",
        /// A rollout whose first wave is not a canary.
        CanaryFirst = "canary-first",
        /// An artifact for another platform.
        SamePlatform = "same-platform",
    }
}

impl Refusal {
    /// The code of the diagnostic that says so.
    pub fn code(self) -> Code {
        match self {
            Self::ChangeNeedsBackup => Code::CHANGE_NEEDS_BACKUP,
            Self::ChangeNeedsUndo => Code::CHANGE_NEEDS_UNDO,
            Self::UndoNeedsNoNetwork => Code::UNDO_NEEDS_NO_NETWORK,
            Self::VerifyIsFunctional => Code::VERIFY_IS_FUNCTIONAL,
            Self::VerifyIsNegative => Code::VERIFY_IS_NEGATIVE,
            Self::ExactVersion => Code::EXACT_VERSION,
            Self::ExactTarget => Code::EXACT_TARGET,
            Self::NarrowKill => Code::NARROW_KILL,
            Self::CanaryFirst => Code::CANARY_FIRST,
            Self::SamePlatform => Code::SAME_PLATFORM,
        }
    }
}
