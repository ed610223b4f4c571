//! Aligned columns of plain text. Knows nothing of what is in them.

/// Between columns.
const GAP: &str = "  ";

/// A title line and a line for each row.
pub(crate) fn table(titles: &[&str], lines: &[Vec<String>]) -> String {
    let mut all = vec![titles.iter().map(|title| (*title).to_owned()).collect()];
    all.extend_from_slice(lines);
    rows(&all)
}

/// Lines of cells, each column as wide as its widest cell. A missing cell is empty.
pub(crate) fn rows(lines: &[Vec<String>]) -> String {
    let widths = widths(lines);
    lines.iter().map(|line| row(line, &widths)).collect()
}

/// How wide each column is.
pub(crate) fn widths(lines: &[Vec<String>]) -> Vec<usize> {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| lines.iter().filter_map(move |line| line.get(column)).map(|cell| plain(cell).chars().count());
    (0..columns).map(|column| width(column).max().unwrap_or_default()).collect()
}

/// One line; a cell that is wider than its column pushes the others aside.
pub(crate) fn row(line: &[String], widths: &[usize]) -> String {
    let cells: Vec<_> = line.iter().zip(widths).map(|(cell, &width)| format!("{:<width$}", plain(cell))).collect();
    format!("{}\n", cells.join(GAP).trim_end())
}

/// Names are a tenant's: what would move a terminal's cursor is shown as what it is.
fn plain(cell: &str) -> String {
    cell.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let shown = table(&["ID", "NAME", "STATUS"], &[line(&["1", "a-long-name", "ACTIVE"]), line(&["22", "b", ""])]);
        let expected = "ID  NAME         STATUS\n\
                        1   a-long-name  ACTIVE\n\
                        22  b\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn letters_of_several_bytes_do_not_shift_columns() {
        assert_eq!(rows(&[line(&["größe", "x"]), line(&["five5", "y"])]), "größe  x\nfive5  y\n");
    }

    #[test]
    fn control_characters_of_a_name_do_not_reach_the_terminal() {
        let shown = rows(&[line(&["red\u{1b}[31m", "two\nlines"])]);
        assert_eq!(shown, "red\\u{1b}[31m  two\\nlines\n");
    }

    #[test]
    fn a_short_line_has_empty_cells() {
        assert_eq!(rows(&[line(&["a"]), line(&["b", "c"])]), "a\nb  c\n");
        assert_eq!(rows(&[]), "");
    }
}
