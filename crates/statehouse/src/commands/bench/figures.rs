//! What is said of many measurements at once.

/// The one that so many of a hundred do not exceed; `sorted` begins with the least.
pub fn percentile<T: Copy>(sorted: &[T], of_hundred: usize) -> Option<T> {
    sorted.get((sorted.len() * of_hundred).div_ceil(100).checked_sub(1)?).copied()
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        many if many % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The quarter below and the quarter above the median: how far single figures lie apart.
pub fn quartiles(values: impl IntoIterator<Item = f64>) -> [f64; 2] {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    [25, 75].map(|of_hundred| percentile(&values, of_hundred).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<u32> = (1..=200).collect();
        assert_eq!([0, 1, 50, 99, 100].map(|of| percentile(&values, of)), [None, Some(2), Some(100), Some(198), Some(200)]);
        assert_eq!([percentile(&[7], 50), percentile(&[7], 99), percentile::<u32>(&[], 50)], [Some(7), Some(7), None]);
    }

    #[test]
    fn a_median_heeds_no_outlier() {
        assert_eq!([median([3.0, 1.0, 900.0]), median([4.0, 1.0, 2.0, 900.0]), median([])], [3.0, 3.0, 0.0]);
        assert_eq!(quartiles([8.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), [2.0, 6.0]);
    }
}
