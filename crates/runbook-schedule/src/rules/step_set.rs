//! Steps that all come before some others, without an edge for each pair when there are very many.

use super::Wish;

/// How many steps stand side by side; one that comes after as many waits for all of them and stands for them.
const ABREAST: usize = 32;

/// A set of steps in the order of the file.
pub(super) struct StepSet {
    members: Vec<usize>,
}

impl StepSet {
    /// The steps `members`, in the order of the file.
    pub(super) fn new(members: Vec<usize>) -> Self {
        Self { members }
    }

    /// The edges inside the set that let few stand for many; none in a small one.
    pub(super) fn inner(&self) -> impl Iterator<Item = Wish> {
        let ends = (ABREAST..self.members.len()).step_by(ABREAST);
        ends.filter_map(|end| Some((self.members.get(end - ABREAST..end)?, *self.members.get(end)?))).flat_map(
            |(earlier, after)| earlier.iter().map(move |before| Wish { before: *before, after, holds: false }),
        )
    }

    /// The steps that stand for all members.
    pub(super) fn all(&self) -> &[usize] {
        self.earlier_than(usize::MAX)
    }

    /// The steps that stand for all members before position `step` of the file.
    pub(super) fn earlier_than(&self, step: usize) -> &[usize] {
        let count = self.members.partition_point(|member| *member < step);
        let start = count.saturating_sub(1) / ABREAST * ABREAST;
        self.members.get(start..count).unwrap_or(&[])
    }

    /// The steps that stand for the members before `step`; where there are none, for all.
    pub(super) fn earlier_or_all(&self, step: usize) -> &[usize] {
        match self.earlier_than(step) {
            [] => self.all(),
            earlier => earlier,
        }
    }
}
