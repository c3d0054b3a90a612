//! Records in the order in which the walk wrote them.

/// Facts of one kind, of which there are as many as messages in the captures. Written once, in the order of the walk; read
/// as often as is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal<R> {
    records: Vec<R>,
}

impl<R> Default for Journal<R> {
    fn default() -> Self {
        Self { records: Vec::new() }
    }
}

impl<R: Clone> Journal<R> {
    /// Adds a record at the end.
    pub fn push(&mut self, record: R) {
        self.records.push(record);
    }

    /// How many records there are.
    pub fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records, in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = R> {
        self.records.iter().cloned()
    }
}

impl<R: Clone> FromIterator<R> for Journal<R> {
    fn from_iter<I: IntoIterator<Item = R>>(records: I) -> Self {
        Self { records: records.into_iter().collect() }
    }
}
