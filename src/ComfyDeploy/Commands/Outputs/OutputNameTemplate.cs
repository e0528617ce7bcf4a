using System.Globalization;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Commands;

/// <summary>
/// Where in the folder an output goes: <c>{Created:yyyy-MM-dd}/{Workflow}/{RunId:12}_{Index:00}_{FileName}</c>.
/// Folders come from the template alone, never from a value.
/// </summary>
internal sealed class OutputNameTemplate
{
    internal const string Default = "{RunId:12}_{Index:00}_{FileName}";

    // In a folder of 100,000 runs two begin alike with a chance of 1 in 56,000; with 8 digits it is certain.
    private const int IdentifyingDigits = 12;
    private const int ShortestValue = 10;

    private static readonly Regex Placeholder =
        new(@"\{(?<name>[A-Za-z]+)(\.(?<input>[^{}:]+))?(:(?<format>[^{}]+))?\}", RegexOptions.CultureInvariant);

    /// <summary>The placeholders, as they are usually written.</summary>
    internal static readonly IReadOnlyList<Suggestion> Tokens =
    [
        new("{Created:yyyy-MM-dd}", "When the run was created, in any format of a date"),
        new("{Deployment}", "The deployment: workflow/environment"),
        new("{Workflow}", "The workflow"),
        new("{Label}", "The label of the run"),
        new("{RunId:12}", "The run's ID, or so many of its digits"),
        new("{Index:00}", "The number of the output, in any format of a number"),
        new("{Kind}", "The kind of the output, such as image"),
        new("{NodeId}", "The node that made the output"),
        new("{FileName}", "The service's name of the file"),
        new("{BaseName}", "The name of the file without its extension"),
        new("{Name}", "The same as {BaseName}"),
        new("{Extension}", "The extension of the file, with its dot"),
    ];

    // A slash inside braces belongs to the format of a date, not to the path.
    private static readonly Regex Separator = new(@"[/\\](?![^{}]*\})", RegexOptions.CultureInvariant);
    private static readonly IEnumerable<string> Names = Tokens.Select(token => Placeholder.Match(token.Word).Groups["name"].Value);
    private static readonly IEnumerable<string> Known = Names.Append("Input.NAME");

    // An extension has its own dot.
    private static readonly Regex DottedExtension =
        new(@"\.(?=\{extension\})", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    private readonly string[] _segments;

    /// <exception cref="ComfyDeployException">InvalidInput.</exception>
    internal OutputNameTemplate(string template)
    {
        _segments = Separator.Split(DottedExtension.Replace(template, string.Empty));
        string? fault = Placeholder.Matches(template).Cast<Match>().Select(FaultOf).FirstOrDefault(found => found is not null);
        string rest = Placeholder.Replace(template, string.Empty);
        if (fault is null && (rest.Contains('{') || rest.Contains('}'))) fault = "a brace is left over";
        if (fault is not null)
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput, $"-NameTemplate '{template}': {fault}. Known: {InBraces(Known)}.");
        }
        if (Path.IsPathRooted(template) || _segments.Any(segment => segment.Trim() is "" or "." or ".."))
        {
            throw new ComfyDeployException(
                ErrorIds.InvalidInput,
                    $"-NameTemplate '{template}' must stay inside -Path: no leading or trailing slash, no empty part, no '..'.");
        }
    }

    /// <summary>Whether a name belongs to one output alone, so that a file of that name is that output.</summary>
    internal bool IdentifiesOutput
    {
        get
        {
            Match[] placeholders = [.. _segments.SelectMany(segment => Placeholder.Matches(segment).Cast<Match>())];
            return placeholders.Any(match => NameOf(match) == "index")
                && placeholders.Any(match => NameOf(match) == "runid"
                    && (!int.TryParse(match.Groups["format"].Value, out int digits) || digits >= IdentifyingDigits));
        }
    }

    /// <summary>The path below the folder; its separators are this platform's.</summary>
    internal string Expand(ComfyRunOutput output) => Path.Combine([.. _segments.Select(segment => Name(segment, output))]);

    /// <summary>What makes a name too long is cut, such as a label, and never the run's ID or the index behind it.</summary>
    private static string Name(string segment, ComfyRunOutput output)
    {
        int longest = SafeFileName.MaxBytes;
        string name = Fill();
        while (!SafeFileName.Fits(name) && longest > ShortestValue)
        {
            longest -= ShortestValue;
            name = Fill();
        }
        return SafeFileName.Of(name);

        string Fill() => Placeholder.Replace(segment, match =>
        {
            string value = Value(output, match).Replace('/', '-').Replace('\\', '-');
            return NameOf(match) switch
            {
                "runid" or "index" => value,
                "filename" => SafeFileName.Shorten(value, longest),
                _ => SafeFileName.Beginning(value, longest),
            };
        });
    }

    private static string NameOf(Match placeholder) => placeholder.Groups["name"].Value.ToLowerInvariant();

    private static string? FaultOf(Match placeholder)
    {
        string name = placeholder.Groups["name"].Value;
        bool isInput = NameOf(placeholder) == "input";
        bool isNamed = placeholder.Groups["input"].Success;
        if (isNamed != isInput || (!isInput && !Names.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            IReadOnlyList<string> near = NearestNames.Of(name, Known);
            string hint = near.Count > 0 ? $". Nearest: {InBraces(near)}" : string.Empty;
            return $"there is no {placeholder.Value}{hint}";
        }
        return TakesFormat(name, placeholder.Groups["format"].Value)
            ? null
            : $"{placeholder.Value} is not a valid format; examples are {{Created:yyyy-MM-dd}}, {{Index:00}}, {{RunId:12}} and "
                + "{Input.prompt:40}";
    }

    private static string InBraces(IEnumerable<string> names) => string.Join(" ", names.Select(name => $"{{{name}}}"));

    private static bool TakesFormat(string name, string format)
    {
        if (format.Length == 0) return true;
        try
        {
            return name.ToLowerInvariant() switch
            {
                "created" => DateTime.MinValue.ToString(format, CultureInfo.InvariantCulture).Length > 0,
                "index" => 0.ToString(format, CultureInfo.InvariantCulture).Length > 0,
                "runid" or "input" => int.TryParse(format, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0,
                _ => false,
            };
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static string Value(ComfyRunOutput output, Match match)
    {
        string format = match.Groups["format"].Value;
        ComfyRun? run = output.Run;
        string fileName = SafeFileName.Of(output.FileName);
        return NameOf(match) switch
        {
            "created" => (run?.CreatedAt ?? output.CreatedAt)
                ?.ToString(format.Length == 0 ? "yyyy-MM-dd" : format, CultureInfo.InvariantCulture) ?? "undated",
            "deployment" => run?.DeploymentName ?? "unknown",
            "workflow" => run?.WorkflowName ?? run?.DeploymentName?.Split('/')[0] ?? "unknown",
            "label" => run?.Label ?? "unlabelled",
            "runid" => Beginning(output.RunId ?? string.Empty, format),
            "index" => output.Index.ToString(format, CultureInfo.InvariantCulture),
            "input" => SafeFileName.Beginning(InputText.Of(run, match.Groups["input"].Value), elements: Count(format)),
            "kind" => output.Kind,
            "nodeid" => output.NodeId ?? "0",
            "basename" or "name" => Path.GetFileNameWithoutExtension(fileName),
            "extension" => Path.GetExtension(fileName),
            _ => fileName,
        };
    }

    /// <summary>The format of an ID is a number of its hexadecimal digits.</summary>
    private static string Beginning(string id, string format)
    {
        string digits = id.Replace("-", string.Empty);
        return Count(format) < digits.Length ? digits.Substring(0, Count(format)) : id;
    }

    private static int Count(string format) =>
        int.TryParse(format, NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : int.MaxValue;
}
