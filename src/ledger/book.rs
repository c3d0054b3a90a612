//! The units of one torrent.

use hashbrown::HashMap;

use super::{Unit, UnitBook};

/// What is known of each unit of one torrent of which a block was seen.
///
/// # Invariants
/// - Every unit is there once, in order of first appearance unless one was forgotten: mostly that of the torrent, so that
///   walking it is cheap.
/// - `places` holds the index of each in `units`.
#[derive(Debug, Default)]
pub struct Book<'cap> {
    places: HashMap<Unit, u32, foldhash::quality::FixedState>,
    units: Vec<(Unit, UnitBook<'cap>)>,
}

impl<'cap> Book<'cap> {
    /// What is known of `unit`, and its place; it is there from now on.
    pub(super) fn entry(&mut self, unit: Unit) -> (u32, &mut UnitBook<'cap>) {
        let next = u32::try_from(self.units.len()).expect("there is no memory for 2^32 units");
        let place = *self.places.entry(unit).or_insert(next);
        if place == next {
            self.units.push((unit, UnitBook::default()));
        }
        (place, &mut self.units[place as usize].1)
    }

    /// What is known of `unit`.
    pub fn get(&self, unit: &Unit) -> Option<&UnitBook<'cap>> {
        self.units.get(*self.places.get(unit)? as usize).map(|(_, book)| book)
    }

    pub(super) fn get_mut(&mut self, unit: &Unit) -> Option<&mut UnitBook<'cap>> {
        self.units.get_mut(*self.places.get(unit)? as usize).map(|(_, book)| book)
    }

    /// The same for a unit that stood at `place` once, and mostly still does.
    pub(super) fn get_mut_near(&mut self, place: u32, unit: &Unit) -> Option<&mut UnitBook<'cap>> {
        if self.units.get(place as usize).is_some_and(|(there, _)| there == unit) {
            return self.units.get_mut(place as usize).map(|(_, book)| book);
        }
        self.get_mut(unit)
    }

    /// Takes out what is known of `unit`: it is as if nothing had been seen of it.
    pub(super) fn take(&mut self, unit: &Unit) -> Option<UnitBook<'cap>> {
        self.get_mut(unit).map(std::mem::take)
    }

    /// Drops what is known of `unit`; the last one takes its place.
    pub(super) fn forget(&mut self, unit: &Unit) {
        let Some(place) = self.places.remove(unit) else { return };
        self.units.swap_remove(place as usize);
        if let Some((moved, _)) = self.units.get(place as usize) {
            self.places.insert(*moved, place);
        }
    }

    /// Every unit, in no particular order; the book is closed.
    pub fn into_units(self) -> impl Iterator<Item = (Unit, UnitBook<'cap>)> {
        self.units.into_iter()
    }

    /// Every unit.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, &UnitBook<'cap>)> {
        self.units.iter().map(|(unit, book)| (*unit, book))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_leaves_the_others_in_reach() {
        let unit = |piece| Unit { piece, leaf: None };
        let mut book = Book::default();
        for piece in 0..4 {
            book.entry(unit(piece)).1.crowded = piece == 3;
        }
        book.forget(&unit(1));
        book.forget(&unit(1));
        book.forget(&unit(2));
        assert_eq!(book.iter().map(|(unit, _)| unit.piece).collect::<Vec<_>>(), [0, 3]);
        assert!(book.get(&unit(1)).is_none() && book.get(&unit(3)).is_some_and(|book| book.crowded));
        book.entry(unit(1)).1.crowded = true;
        assert!(
            book.get_mut_near(1, &unit(3)).is_some_and(|book| book.crowded)
                && book.get_mut_near(9, &unit(0)).is_some()
        );
        assert!(book.get_mut_near(0, &unit(2)).is_none());
        assert_eq!(
            book.iter().map(|(unit, book)| (unit.piece, book.crowded)).collect::<Vec<_>>(),
            [(0, false), (3, true), (1, true)]
        );
    }
}
