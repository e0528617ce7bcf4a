using System.Globalization;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Emulator.Faults;

/// <summary>
/// Reads the text of a fault: <c>METHOD PATH = WHAT [OPTION…] [xN | always]</c>, for instance
/// <c>POST /run/deployment/queue = 429 retry-after=2 x3</c>. METHOD may be <c>*</c>; in PATH a <c>*</c> matches any text; the path
/// begins after <c>/api</c>, or with <c>/outputs</c> or <c>/inputs</c> on the storage host. Without a count, a fault occurs once.
/// </summary>
internal static class FaultGrammar
{
    private const string Allowed =
        "a status code (with retry-after=SECONDS, retry-date=SECONDS or executed), latency TIME, hang, stall, reset, lost, late TIME, cut, close, truncate, " +
        "wrongtypes, wronglength, redirect URL, drip BYTES_PER_SECOND";

    private const string Options = "xN, always, after=N, body=TEXT, retry-after=SECONDS, retry-date=SECONDS, executed";

    private static readonly Dictionary<string, FaultKind> Kinds = Enum.GetValues(typeof(FaultKind)).Cast<FaultKind>()
        .Where(kind => kind != FaultKind.Status)
        .ToDictionary(kind => kind.ToString().ToLowerInvariant());

    private static readonly HashSet<string> Methods = ["*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    public static Fault Read(string text)
    {
        int equals = text.IndexOf(" = ", StringComparison.Ordinal);
        string[] target = Words(equals < 0 ? text : text.Substring(0, equals));
        string[] words = equals < 0 ? [] : Words(text.Substring(equals + 3));
        if (target.Length != 2 || words.Length == 0) throw Malformed(text, "The form is METHOD PATH = WHAT [OPTION...] [xN | always].");
        string method = target[0].ToUpperInvariant();
        if (!Methods.Contains(method)) throw Malformed(text, $"'{target[0]}' is not an HTTP method; use * for any method.");

        Dictionary<string, string> options = ReadOptions(text, words, out int used);
        FaultKind kind = ReadKind(text, words, used);
        if (kind != FaultKind.Status && (options.ContainsKey("retry-after") || options.ContainsKey("retry-date") || options.ContainsKey("executed")))
        {
            throw Malformed(text, "retry-after, retry-date and executed are valid with a status code only.");
        }

        bool asDate = options.ContainsKey("retry-date");
        return new Fault
        {
            Method = method,
            Path = PathPattern(target[1]),
            Kind = kind,
            Number = kind switch
            {
                FaultKind.Status => int.Parse(words[0], CultureInfo.InvariantCulture),
                FaultKind.Redirect => 307,
                FaultKind.Drip => BytesPerSecond(text, words[1]),
                _ => 0,
            },
            Delay = kind is FaultKind.Latency or FaultKind.Late ? Time(text, words[1]) : TimeSpan.Zero,
            Target = kind == FaultKind.Redirect ? words[1] : "",
            RetryAfterSeconds = Number(text, options, asDate ? "retry-date" : "retry-after"),
            RetryAfterAsDate = asDate,
            Executed = options.ContainsKey("executed"),
            After = Number(text, options, "after") ?? 0,
            Body = options.TryGetValue("body", out string? body) ? body : "",
            Times = options.ContainsKey("always") ? null : Number(text, options, "x") ?? 1,
        };
    }

    // Options come last; the words before them name the fault.
    private static Dictionary<string, string> ReadOptions(string text, string[] words, out int used)
    {
        Dictionary<string, string> options = [];
        used = words.Length;
        while (used > 1)
        {
            string word = words[used - 1];
            Match count = Regex.Match(word, "^x([0-9]{1,6})$");
            int equals = word.IndexOf('=');
            string name = count.Success ? "x" : equals < 0 ? word : word.Substring(0, equals);
            if (name is not ("x" or "always" or "after" or "body" or "retry-after" or "retry-date" or "executed")) break;
            options[name] = count.Success ? count.Groups[1].Value : word.Substring(equals + 1);
            used--;
        }

        if (options.ContainsKey("x") && options.ContainsKey("always")) throw Malformed(text, "It has both a count and 'always'.");
        return options;
    }

    private static FaultKind ReadKind(string text, string[] words, int used)
    {
        string what = words[0].ToLowerInvariant();
        int expected = what is "latency" or "late" or "redirect" or "drip" ? 2 : 1;
        if (used > expected) throw Malformed(text, $"'{words[expected]}' is not known. Options: {Options}.");
        if (used < expected) throw Malformed(text, $"'{what}' needs a value.");
        if (Regex.IsMatch(what, "^[2-5][0-9][0-9]$")) return FaultKind.Status;
        return Kinds.TryGetValue(what, out FaultKind kind) ? kind : throw Malformed(text, $"'{words[0]}' is not known.");
    }

    private static Regex PathPattern(string path)
    {
        if (path.StartsWith("/api/", StringComparison.Ordinal)) path = path.Substring("/api".Length);
        return new Regex("^" + Regex.Escape(path).Replace("\\*", ".*") + "$", RegexOptions.CultureInvariant);
    }

    private static TimeSpan Time(string text, string argument)
    {
        Match match = Regex.Match(argument, "^([0-9]+(?:\\.[0-9]+)?)(ms|s)$");
        if (!match.Success) throw Malformed(text, $"'{argument}' is not a duration; write 500ms or 2s.");
        double number = double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        return match.Groups[2].Value == "ms" ? TimeSpan.FromMilliseconds(number) : TimeSpan.FromSeconds(number);
    }

    private static int? Number(string text, Dictionary<string, string> options, string name) =>
        !options.TryGetValue(name, out string? value) ? null
        : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
        : throw Malformed(text, $"'{name}={value}' is not a number.");

    private static int BytesPerSecond(string text, string argument) =>
        int.TryParse(argument, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number
            : throw Malformed(text, $"'{argument}' is not a number of bytes per second.");

    private static string[] Words(string text) => text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);

    private static ArgumentException Malformed(string text, string why) =>
        new($"The fault '{text}' cannot be read. {why} Allowed faults: {Allowed}.");
}
