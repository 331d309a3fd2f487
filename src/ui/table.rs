//! Tables as the docker CLI prints them: columns three spaces apart, no lines.

use unicode_width::UnicodeWidthStr;

const GAP: usize = 3;

/// Lays out rows below a header, each line with its end.
#[must_use]
pub(super) fn render<Row: AsRef<[String]>>(header: &[&str], rows: &[Row]) -> String {
    let mut widths: Vec<_> = header.iter().map(|title| title.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = (*width).max(cell.width());
        }
    }
    let mut table = String::new();
    let header: Vec<_> = header.iter().map(|title| (*title).to_owned()).collect();
    for row in std::iter::once(header.as_slice()).chain(rows.iter().map(AsRef::as_ref)) {
        let start = table.len();
        for (cell, width) in row.iter().zip(&widths) {
            table.push_str(cell);
            table.extend(std::iter::repeat_n(' ', width - cell.width() + GAP));
        }
        let end = start + table[start..].trim_end().len();
        table.truncate(end);
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_the_terminal_shows() {
        let rows = [["漢字".to_owned(), "a".to_owned()], ["x".to_owned(), String::new()]];
        assert_eq!(render(&["N", "TYPE"], &rows), "N      TYPE\n漢字   a\nx\n");
    }
}
