//! What a load balancer is made of, of one kind, in order.
//!
//! A clone is the same list until one of both changes: a transition of a load balancer with a thousand members copies those
//! of one pool, and what did not change is seen not to have changed without a look at it.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// A list that its clones share until one of them changes.
#[derive(Debug, Eq)]
pub struct Parts<T>(Arc<Vec<T>>);

impl<T> Parts<T> {
    /// Whether both are known to be the same without a look at what is in them.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Clone> Parts<T> {
    /// Those that are `wanted`, to be changed. When there is none, the list stays the same as that of its clones.
    pub fn iter_mut_of(&mut self, wanted: impl Fn(&T) -> bool) -> impl Iterator<Item = &mut T> {
        let parts: &mut [T] = if self.iter().any(&wanted) { self } else { &mut [] };
        parts.iter_mut().filter(move |part| wanted(part))
    }
}

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self(Arc::new(Vec::new()))
    }
}

impl<T> Clone for Parts<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: PartialEq> PartialEq for Parts<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.0 == other.0
    }
}

impl<T> Deref for Parts<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Clone> DerefMut for Parts<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Arc::make_mut(&mut self.0)
    }
}

impl<T> From<Vec<T>> for Parts<T> {
    fn from(parts: Vec<T>) -> Self {
        Self(Arc::new(parts))
    }
}

impl<T> FromIterator<T> for Parts<T> {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        Self(Arc::new(parts.into_iter().collect()))
    }
}

impl<T: Clone> IntoIterator for Parts<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Parts<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a, T: Clone> IntoIterator for &'a mut Parts<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::make_mut(&mut self.0).iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_the_same_until_one_of_both_changes() {
        let first = Parts::from(vec![1, 2]);
        let mut second = first.clone();
        assert!(first.is_same(&second));
        second.push(3);
        assert!(!first.is_same(&second));
        assert_eq!((first.as_slice(), second.as_slice()), (&[1, 2][..], &[1, 2, 3][..]));
        assert_eq!(Parts::from(vec![1, 2, 3]), second);
    }

    #[test]
    fn without_one_that_is_to_change_all_stays_the_same() {
        let first = Parts::from(vec![1, 2, 3]);
        let mut second = first.clone();
        assert_eq!(second.iter_mut_of(|part| *part > 3).count(), 0);
        assert!(first.is_same(&second));
        second.iter_mut_of(|part| *part > 1).for_each(|part| *part += 10);
        assert_eq!((first.as_slice(), second.as_slice()), (&[1, 2, 3][..], &[1, 12, 13][..]));
    }
}
