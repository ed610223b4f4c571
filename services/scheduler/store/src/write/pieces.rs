//! Lists that one statement after the other takes.

/// How many rows one statement writes, at most.
const LONGEST: usize = 256;

/// Parts of a list, each with one of few lengths: a statement of a new length would be prepared anew.
pub(crate) fn pieces<T>(mut list: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = 1 << list.len().min(LONGEST).checked_ilog2()?;
        let (piece, rest) = list.split_at(length);
        list = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_of_the_list_and_have_few_lengths() {
        let lengths = |count: usize| pieces(&vec![0; count]).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(0), Vec::<usize>::new());
        assert_eq!(lengths(13), [8, 4, 1]);
        assert_eq!(lengths(600), [256, 256, 64, 16, 8]);
        let list: Vec<usize> = (0..1000).collect();
        assert_eq!(pieces(&list).flatten().copied().collect::<Vec<_>>(), list);
    }
}
