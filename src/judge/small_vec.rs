//! Lists of mostly one element.

use std::ops::{Deref, DerefMut};

/// A list that needs no memory of its own while it holds one element: there are as many of them as leaves in a torrent.
#[derive(Clone, Debug, Default)]
pub enum SmallVec<T> {
    /// Empty.
    #[default]
    None,
    /// One element.
    One(T),
    /// Any number of them.
    More(Vec<T>),
}

impl<T> SmallVec<T> {
    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        match self {
            Self::None => *self = Self::One(element),
            Self::One(_) => {
                if let Self::One(first) = std::mem::take(self) {
                    *self = Self::More(vec![first, element]);
                }
            }
            Self::More(list) => list.push(element),
        }
    }

    /// Gives back the room that further elements would have.
    pub fn shrink_to_fit(&mut self) {
        if let Self::More(list) = self {
            list.shrink_to_fit();
        }
    }

    /// All elements, in order.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::None => Vec::new(),
            Self::One(element) => vec![element],
            Self::More(list) => list,
        }
    }
}

impl<T> From<Vec<T>> for SmallVec<T> {
    fn from(mut list: Vec<T>) -> Self {
        match list.len() {
            1 => list.pop().map_or(Self::None, Self::One),
            0 => Self::None,
            _ => Self::More(list),
        }
    }
}

impl<T> Extend<T> for SmallVec<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        let mut elements = elements.into_iter();
        // Rationale: room for all of them at once, where there is more than one.
        if self.is_empty() && elements.size_hint().0 > 1 {
            *self = Self::More(elements.collect());
        } else {
            elements.by_ref().for_each(|element| self.push(element));
        }
    }
}

impl<T> FromIterator<T> for SmallVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut few = Self::None;
        few.extend(elements);
        few
    }
}

impl<T: Eq> Eq for SmallVec<T> {}

impl<T: PartialEq> PartialEq for SmallVec<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T> Deref for SmallVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(element) => std::slice::from_ref(element),
            Self::More(list) => list,
        }
    }
}

impl<T> DerefMut for SmallVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::None => &mut [],
            Self::One(element) => std::slice::from_mut(element),
            Self::More(list) => list,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list_of_any_length() {
        let mut few = SmallVec::default();
        for n in 0..5_usize {
            assert_eq!(few.to_vec(), (0..n).collect::<Vec<_>>());
            assert_eq!(few.clone().into_vec(), few.to_vec());
            few.push(n);
            few.iter_mut().for_each(|element| *element += 1);
            few.iter_mut().for_each(|element| *element -= 1);
        }
    }
}
