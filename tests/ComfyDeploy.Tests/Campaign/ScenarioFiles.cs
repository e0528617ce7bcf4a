using System.Text;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>The files that rows are given: some are equal, one has a type that is refused, one does not exist.</summary>
internal static class ScenarioFiles
{
    private const string Missing = "gone.png";
    private const string Refused = "notes.txt";

    // Of different lengths, and shorter than what the emulator keeps of a form.
    private static readonly Dictionary<string, string> Contents = new()
    {
        ["red.png"] = "a red picture",
        ["red-copy.png"] = "a red picture",
        ["red.jpg"] = "a red picture",
        ["green.png"] = "a green picture",
        ["blue.webp"] = "a picture that is blue",
        [Refused] = "some words that are no picture",
    };

    internal static string[] Names { get; } = [.. Contents.Keys, Missing];

    /// <summary>The contents of those that can be uploaded, with the ends of their names: each is to be uploaded once.</summary>
    internal static IEnumerable<(string Content, string Extension)> Uploads => Contents.Where(file => CanBeUploaded(file.Key))
        .Select(file => (file.Value, Path.GetExtension(file.Key))).Distinct();

    internal static bool CanBeUploaded(string name) => name is not (Missing or Refused);

    internal static string ContentOf(string name) => Contents[name];

    internal static void WriteTo(string folder)
    {
        foreach ((string name, string content) in Contents) File.WriteAllText(Path.Combine(folder, name), content, Encoding.ASCII);
    }
}
