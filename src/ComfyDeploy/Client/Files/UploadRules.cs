namespace ComfyDeploy.Client;

/// <summary>What the service accepts as an upload. It guesses the type from the file's name, never from the content.</summary>
internal static class UploadRules
{
    internal const long MaxSize = 250 * 1024 * 1024;

    // The types that Python's mimetypes knows and the service refuses: text and mail. A name it does not know is accepted.
    private static readonly HashSet<string> Refused = new(StringComparer.OrdinalIgnoreCase)
    {
        ".bat", ".c", ".css", ".csv", ".eml", ".etx", ".h", ".htm", ".html", ".ksh", ".markdown", ".md", ".mht", ".mhtml", ".n3", ".nws",
        ".pl", ".py", ".rtx", ".sgm", ".sgml", ".srt", ".tsv", ".txt", ".vcf", ".vtt", ".xml",
    };

    // It looks through a compression, in this spelling only: notes.txt.gz is a text.
    private static readonly HashSet<string> Compressions = new(StringComparer.Ordinal) { ".br", ".bz2", ".gz", ".xz", ".Z" };

    /// <summary>Refuses a file that the service would refuse, before anything is sent.</summary>
    /// <returns>The length of the file.</returns>
    /// <exception cref="ComfyDeployException">FileNotFound, FileTypeNotSupported or FileTooLarge.</exception>
    internal static long Check(string path)
    {
        FileInfo file = new(path);
        if (!file.Exists) throw Directory.Exists(path) ? Errors.FileIsFolder(path) : Errors.FileNotFound(path);
        if (IsRefused(file.Name)) throw Errors.FileTypeNotSupported(path);
        // Of a link, a FileInfo has the length of the link itself.
        long length = file.Attributes.HasFlag(FileAttributes.ReparsePoint) ? LocalFile.LengthOf(path) : file.Length;
        return length <= MaxSize ? length : throw Errors.FileTooLarge(path, MaxSize);
    }

    private static bool IsRefused(string name)
    {
        string extension = Extension(name);
        if (Compressions.Contains(extension)) extension = Extension(name.Substring(0, name.Length - extension.Length));
        return Refused.Contains(extension);
    }

    /// <summary>A name such as <c>.txt</c> has no extension.</summary>
    private static string Extension(string name) => Path.GetExtension(name.TrimStart('.'));
}
