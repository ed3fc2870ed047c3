//! The totals of the sample, against an awk that knows nothing of this program.

use super::*;

/// Prints `property key lines bytes` for each total, and `quarantined lines` at the end.
///
/// nginx writes a quote inside a quoted field as `\x22`, so a quote does separate the fields.
const AWK: &str = r#"
    { words = split($2, request, " ") }
    !(words == 3 && request[3] ~ /^HTTP\/[0-9]/ || words == 2 && request[1] == "GET") { quarantined++; next }
    {
        split($1, left, " "); split($3, right, " "); size = right[2]
        path = request[2]; sub(/\?.*/, "", path)
        time = $1; sub(/.*\[/, "", time)
        month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", substr(time, 4, 3)) + 2) / 3
        hour = sprintf("%s-%02d-%s %sh %s", substr(time, 8, 4), month, substr(time, 1, 2), substr(time, 13, 2), substr(time, 22, 5))
        lines["status\t" right[1]]++; bytes["status\t" right[1]] += size
        lines["hour\t" hour]++; bytes["hour\t" hour] += size
        lines["path\t" path]++; bytes["path\t" path] += size
        lines["client\t" left[1]]++; bytes["client\t" left[1]] += size
    }
    END {
        for (key in lines) printf "%s\t%d\t%d\n", key, lines[key], bytes[key]
        printf "quarantined\t%d\n", quarantined
        printf "read\t%d\n", NR
    }
"#;

fn awk() -> Vec<String> {
    let output =
        Command::new("awk").env("LC_ALL", "C").args(["-F", "\"", AWK]).arg(sample()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let mut rows: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

/// Returns the same rows from the program's JSON.
fn rows(output: &Output) -> Vec<String> {
    let json = json(output);
    let mut rows = vec![
        format!("quarantined\t{}", json["ledger"]["quarantined"]),
        format!("read\t{}", json["ledger"]["read"]),
    ];
    for (property, list) in json["totals"].as_object().unwrap() {
        for row in list["rows"].as_array().unwrap() {
            let key = row["key"].as_str().unwrap();
            rows.push(format!("{property}\t{key}\t{}\t{}", row["lines"], row["bytes"]));
        }
    }
    rows.sort();
    rows
}

#[test]
fn totals_of_the_sample_equal_those_of_awk() {
    let sample = sample();
    let output = run(&["--json", "--top", "100000", sample.to_str().unwrap()]);
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
    let [read, counted, quarantined] = ledger(&output);
    assert!(read > 2000 && quarantined > 20, "the sample is meant to have good and bad lines");
    assert_eq!(read, counted + quarantined);
    assert_eq!(rows(&output), awk());
}

#[test]
fn totals_do_not_depend_on_the_number_of_parsers() {
    let sample = sample();
    let report = |parsers| run(&["--parsers", parsers, sample.to_str().unwrap()]).stdout;
    let one = report("1");
    assert!(!one.is_empty());
    for parsers in ["2", "7", "64"] {
        assert!(report(parsers) == one, "{parsers} parsers report something else");
    }
}

#[test]
fn files_and_standard_input_are_summed_up() {
    let sample = sample();
    let path = sample.to_str().unwrap();
    let [read, counted, quarantined] = ledger(&run(&["--json", path]));
    let text = std::fs::read(path).unwrap();
    let output = feed(&["--json", path, "-", path], &text);
    assert_eq!(ledger(&output), [3 * read, 3 * counted, 3 * quarantined]);
    let inputs = json(&output)["inputs"].clone();
    assert_eq!(inputs[1]["name"], "standard input");
    assert_eq!(inputs[1]["lines"], read);
}
