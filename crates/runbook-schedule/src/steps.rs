//! The steps of a plan with their declarations, as rules and refusals see them: by position in the file.

use crate::space::{Slot, Space};
use runbook_model::{Access, Declaration, Plan, Resource, Role, StepDef};

/// The steps of a plan, each with its declaration and its effects.
#[derive(Debug)]
pub(crate) struct Steps<'a> {
    pub(crate) defs: &'a [StepDef],
    pub(crate) declarations: &'a [Declaration],
    /// The declared effects of each step, then those that follow from its parts.
    pub(crate) effects: Vec<Vec<Touch<'a>>>,
    pub(crate) space: Space<'a>,
}

/// An effect with the place of its resource: looked up once, for comparing and hashing paths is what costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch<'a> {
    pub(crate) access: Access,
    pub(crate) resource: &'a Resource,
    pub(crate) slot: Slot,
}

impl<'a> Steps<'a> {
    /// The steps of `plan`, each with its declaration.
    pub(crate) fn new(plan: &'a Plan, declarations: &'a [Declaration]) -> Self {
        let resources = declarations.iter().flat_map(all_effects).map(|(_, resource)| resource);
        let space = Space::new(resources);
        let place = |(access, resource)| Touch { access, resource, slot: space.slot(resource) };
        let effects = declarations.iter().map(|declaration| all_effects(declaration).map(place).collect()).collect();
        Self { defs: &plan.steps, declarations, effects, space }
    }

    /// How many steps there are.
    pub(crate) fn count(&self) -> usize {
        self.defs.len()
    }

    /// Each step with its position.
    pub(crate) fn each(&self) -> impl Iterator<Item = (usize, &'a StepDef, &'a Declaration)> {
        self.defs.iter().zip(self.declarations).enumerate().map(|(at, (def, declaration))| (at, def, declaration))
    }

    /// Whether the step changes the host or a service on it.
    pub(crate) fn is_change(&self, at: usize) -> bool {
        let is_part_of_change = |role: &Role| match role {
            Role::Stop(_)
            | Role::Start(_)
            | Role::Restart(_)
            | Role::Prepare
            | Role::Replace
            | Role::ClearCache
            | Role::FreePort(_) => true,
            Role::Inspect | Role::Backup(_) | Role::Verify(_) | Role::Promote | Role::Gate => false,
            Role::Approve | Role::Inventory | Role::Capture(_) | Role::Install => false,
            Role::Dependencies | Role::Reload | Role::Signals(_) => false,
        };
        let declaration = self.declarations.get(at);
        declaration.is_some_and(|it| it.changes() || it.plays(is_part_of_change))
    }

    /// Whether the step changes the host and plays no part that another rule places: a file that is edited, a command.
    pub(crate) fn is_plain_change(&self, at: usize) -> bool {
        self.declarations.get(at).is_some_and(|it| it.changes() && it.roles.iter().all(Role::is_for_reports))
    }

    /// What the step writes, as it declares.
    pub(crate) fn written_by(&self, at: usize) -> impl Iterator<Item = &Touch<'a>> {
        self.touched_by(at, Access::Write)
    }

    /// What the step reads, as it declares.
    pub(crate) fn read_by(&self, at: usize) -> impl Iterator<Item = &Touch<'a>> {
        self.touched_by(at, Access::Read)
    }

    fn touched_by(&self, at: usize, access: Access) -> impl Iterator<Item = &Touch<'a>> {
        let declared = self.declarations.get(at).map_or(0, |declaration| declaration.effects.len());
        let effects = self.effects.get(at).into_iter().flatten().take(declared);
        effects.filter(move |effect| effect.access == access)
    }

    /// The positions of the steps that play a part which `wanted` picks.
    pub(crate) fn with_role(&self, wanted: impl Fn(&Role) -> bool) -> Vec<usize> {
        self.each().filter(|(_, _, declaration)| declaration.plays(&wanted)).map(|(at, ..)| at).collect()
    }
}

/// The declared effects, then those that follow from a part: a backup reads what it copies, a gate holds everything.
fn all_effects(declaration: &Declaration) -> impl Iterator<Item = (Access, &Resource)> {
    let declared = declaration.effects.iter().map(|effect| (effect.access, &effect.resource));
    let implied = declaration.roles.iter().flat_map(|role| {
        let (access, resources) = match role {
            Role::Backup(resources) => (Access::Read, resources.as_slice()),
            Role::Gate => (Access::Write, &[Resource::Everything][..]),
            _ => (Access::Read, &[][..]),
        };
        resources.iter().map(move |resource| (access, resource))
    });
    declared.chain(implied)
}
