namespace ComfyDeploy.Commands;

/// <summary>Suggests names that are similar to a mistyped one.</summary>
internal static class NearestNames
{
    private const int MaxSuggestions = 3;

    internal static IReadOnlyList<string> Of(string typed, IEnumerable<string> names)
    {
        int maxDistance = Math.Max(2, typed.Length / 2);
        return [.. names.Distinct().Select(name => (Name: name, Distance: Between(typed.ToLowerInvariant(), name.ToLowerInvariant())))
            .Where(candidate => candidate.Distance <= maxDistance).OrderBy(candidate => candidate.Distance).Take(MaxSuggestions)
                .Select(candidate => candidate.Name)];
    }

    /// <summary>An abbreviation is the nearest.</summary>
    private static int Between(string typed, string name) =>
        typed.Length > 0 && name.StartsWith(typed, StringComparison.Ordinal) ? 0 : Distance(typed, name);

    /// <summary>The number of edits from one word to the other (Levenshtein).</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(Math.Min(row[j], row[j - 1]) + 1, substitution);
            }
        }
        return row[b.Length];
    }
}
