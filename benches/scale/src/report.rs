//! Medians, the tables and the JSON lines.

use crate::{
    Measured,
    options::Options,
    part::{Part, Unit},
};

/// What was found of one measure, for each size.
pub struct Column {
    measure: String,
    unit: Unit,
    /// A size each; a round each.
    values: Vec<Vec<f64>>,
}

/// Adds what one cell has found.
pub fn add(columns: &mut Vec<Column>, part: &Part, row: usize, found: Measured) {
    for (measure, unit, value) in found {
        let at = columns.iter().position(|column| column.measure == measure).unwrap_or_else(|| {
            columns.push(Column { measure, unit, values: vec![Vec::new(); part.sizes.len()] });
            columns.len() - 1
        });
        columns[at].values[row].push(value);
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

pub fn print(part: &Part, columns: &[Column], options: &Options) {
    if options.json {
        columns.iter().for_each(|column| json(part, column, options));
    } else {
        table(part, columns, options);
    }
}

fn json(part: &Part, column: &Column, options: &Options) {
    for (size, values) in part.sizes.iter().zip(&column.values) {
        let Some(value) = median(values) else { continue };
        println!(
            r#"{{"part":"{}","size":{size},"rt":"{}","clock":"{}","measure":"{}","value":{value:.3},"unit":"{}"}}"#,
            part.name,
            options.rt.name(),
            clock(options),
            column.measure,
            column.unit.name(),
        );
    }
}

fn clock(options: &Options) -> &'static str {
    if options.cpu { "cpu" } else { "wall" }
}

fn table(part: &Part, columns: &[Column], options: &Options) {
    print!("| {} |", part.of);
    columns.iter().for_each(|column| print!(" {}, {} |", column.measure, column.unit.name()));
    print!("\n|---:|");
    columns.iter().for_each(|_| print!("---:|"));
    for (row, size) in part.sizes.iter().enumerate() {
        print!("\n| {} |", grouped(*size));
        columns.iter().for_each(|column| print!(" {} |", cell(column, row)));
    }
    print!("\n| *last to first* |");
    for column in columns {
        let ends = (column.values.first(), column.values.last());
        let medians = (ends.0.and_then(|values| median(values)), ends.1.and_then(|values| median(values)));
        match medians {
            (Some(first), Some(last)) if column.unit.is_per_one() => print!(" *{:.2}×* |", last / first),
            _ => print!(" – |"),
        }
    }
    let plural = if options.rounds == 1 { "" } else { "s" };
    println!(
        "\n\n`{}`: medians of {} round{plural}, runtime {}, clock {}.\n",
        part.name,
        options.rounds,
        options.rt.name(),
        clock(options),
    );
}

fn cell(column: &Column, row: usize) -> String {
    let values = &column.values[row];
    let Some(value) = median(values) else { return "failed".to_owned() };
    let number = |value: f64| if value.abs() < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() == 1 || number(least) == number(greatest) {
        number(value)
    } else {
        format!("{} ({}–{})", number(value), number(least), number(greatest))
    }
}

fn grouped(size: u64) -> String {
    let digits = size.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
