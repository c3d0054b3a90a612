//! The units of one torrent.

use hashbrown::HashMap;

use super::{Unit, UnitBook};

/// What is known of each unit of one torrent of which a block was seen.
///
/// # Invariants
/// - Every unit is there once, in order of first appearance: mostly that of the torrent, so that walking it is cheap.
#[derive(Debug, Default)]
pub struct Book<'cap> {
    places: HashMap<Unit, usize, foldhash::quality::FixedState>,
    units: Vec<(Unit, UnitBook<'cap>)>,
}

impl<'cap> Book<'cap> {
    /// What is known of `unit`; it is there from now on.
    pub(super) fn entry(&mut self, unit: Unit) -> &mut UnitBook<'cap> {
        let place = *self.places.entry(unit).or_insert(self.units.len());
        if place == self.units.len() {
            self.units.push((unit, UnitBook::default()));
        }
        &mut self.units[place].1
    }

    /// What is known of `unit`.
    pub fn get(&self, unit: &Unit) -> Option<&UnitBook<'cap>> {
        self.units.get(*self.places.get(unit)?).map(|(_, book)| book)
    }

    pub(super) fn get_mut(&mut self, unit: &Unit) -> Option<&mut UnitBook<'cap>> {
        self.units.get_mut(*self.places.get(unit)?).map(|(_, book)| book)
    }

    /// Takes out what is known of `unit`: it is as if nothing had been seen of it.
    pub(super) fn take(&mut self, unit: &Unit) -> Option<UnitBook<'cap>> {
        self.get_mut(unit).map(std::mem::take)
    }

    /// Every unit, in order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, &UnitBook<'cap>)> {
        self.units.iter().map(|(unit, book)| (*unit, book))
    }
}
