//! A small sorted map, a set, and a small sort: of those of the standard library, the browser's download has a copy for each type, of 3 to
//! 5 kB.

use std::{borrow::Borrow, ops::Index};

/// A map kept as one sorted list. What a client holds is small (a window of messages, the members that are listed),
/// and new keys mostly come at the end: there a list is as quick as a tree, and in the browser's download each kind of
/// tree is eight times as large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn search<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.search(key).ok().map(|at| &self.0[at].1)
    }

    /// The value of a key, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.search(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether it has this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.search(key).is_ok()
    }

    /// Puts a value; returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.search(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// The value of a key, which is put first if it is not there.
    pub fn get_or_insert(&mut self, key: K, value: V) -> &mut V {
        let at = match self.search(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (key, value));
                at
            }
        };
        &mut self.0[at].1
    }

    /// Takes a value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.search(key).ok().map(|at| self.0.remove(at).1)
    }

    /// Keeps those for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The smallest key and its value.
    #[must_use]
    pub fn first(&self) -> Option<(&K, &V)> {
        self.0.first().map(|(key, value)| (key, value))
    }

    /// Keeps `count` of them: the largest keys.
    pub fn keep_last(&mut self, count: usize) {
        let gone = self.0.len().saturating_sub(count);
        self.0.drain(..gone);
    }

    /// Keeps `count` of them: the smallest keys.
    pub fn keep_first(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// All, in order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All, in order of their keys, to change the values.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values in order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, items: I) {
        for (key, value) in items {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> Index<&K> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the caller has just seen this key")
    }
}

/// A set kept as one sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedSet<K>(Vec<K>);

impl<K> Default for SortedSet<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord> SortedSet<K> {
    /// Puts something in. Says whether it was not there.
    pub fn insert(&mut self, item: K) -> bool {
        match self.0.binary_search(&item) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, item);
                true
            }
        }
    }

    /// Whether it has this.
    #[must_use]
    pub fn contains(&self, item: &K) -> bool {
        self.0.binary_search(item).is_ok()
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, K> {
        self.0.iter()
    }
}

impl<K: Ord> Extend<K> for SortedSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, items: I) {
        for item in items {
            self.insert(item);
        }
    }
}

/// Sorts by a key. Equal ones stay in their order.
pub fn sort_by_key<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let keys: Vec<K> = items.iter().map(key).collect();
    let order = order_of(keys.len(), &|a, b| keys[a] <= keys[b]);
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|at| taken[at].take()));
}

/// In which order `len` things stand when they are sorted: by merging runs, twice as long each time. `is_in_order` says whether one may
/// stand before another.
fn order_of(len: usize, is_in_order: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    let mut width = 1;
    while width < len {
        let mut merged = Vec::with_capacity(len);
        for run in order.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let ([l, left_rest @ ..], [r, right_rest @ ..]) = (left, right) {
                if is_in_order(*l, *r) {
                    merged.push(*l);
                    left = left_rest;
                } else {
                    merged.push(*r);
                    right = right_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        order = merged;
        width *= 2;
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_a_tree_would_be(steps in proptest::collection::vec((0_u8..3, 0_u8..20, 0_u8..9), 0..60)) {
            let (mut list, mut tree) = (SortedMap::new(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0 => prop_assert_eq!(list.insert(key, value), tree.insert(key, value)),
                    1 => prop_assert_eq!(list.remove(&key), tree.remove(&key)),
                    _ => prop_assert_eq!(list.get_or_insert(key, value), tree.entry(key).or_insert(value)),
                }
                prop_assert!(list.iter().eq(tree.iter()));
                prop_assert_eq!(list.get(&key), tree.get(&key));
            }
        }
    }

    proptest! {
        #[test]
        fn a_set_is_what_a_tree_would_be(items in proptest::collection::vec(0_u8..20, 0..40)) {
            let (mut list, mut tree) = (SortedSet::default(), BTreeSet::new());
            for item in items {
                prop_assert_eq!(list.insert(item), tree.insert(item));
                prop_assert!(list.contains(&item));
            }
            prop_assert!(list.iter().eq(tree.iter()));
            prop_assert!(!list.contains(&20));
        }

        #[test]
        fn it_sorts_as_the_standard_library_does(items in proptest::collection::vec((0_u8..9, 0_u8..99), 0..70)) {
            let (mut ours, mut theirs) = (items.clone(), items);
            sort_by_key(&mut ours, |(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn either_end_can_go() {
        let mut list = SortedMap::new();
        list.extend((0..9).map(|n| (n, ())));
        list.keep_last(5);
        list.keep_first(2);
        assert!(list.keys().eq(&[4, 5]));
    }
}
