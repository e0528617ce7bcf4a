using System.Text;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Emulator.Http;

/// <summary>One part of a form: a field, or a file when it has a file name.</summary>
internal sealed record FormPart(string Name, string? FileName, byte[] Content);

/// <summary>Reads the parts of a multipart/form-data body.</summary>
internal static class MultipartForm
{
    private static readonly Regex Boundary = new("boundary=\"?([^\";]+)\"?", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase);
    private static readonly Regex Attribute = new("[; ](name|filename|filename\\*)=(?:\"([^\"]*)\"|([^;\\s]+))", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase);

    public static List<FormPart> Read(HttpRequest request)
    {
        List<FormPart> parts = [];
        Match boundary = Boundary.Match(request.Header("content-type") ?? "");
        if (!boundary.Success) return parts;
        byte[] delimiter = Encoding.ASCII.GetBytes("--" + boundary.Groups[1].Value);
        byte[] headerEnd = Encoding.ASCII.GetBytes("\r\n\r\n");
        int start = IndexOf(request.Body, delimiter, 0);
        while (start >= 0)
        {
            int next = IndexOf(request.Body, delimiter, start + delimiter.Length);
            int content = IndexOf(request.Body, headerEnd, start);
            if (next < 0 || content < 0 || content > next) break;
            content += headerEnd.Length;
            string headers = Encoding.UTF8.GetString(request.Body, start, content - start);
            const int LineBreak = 2;
            byte[] bytes = new byte[Math.Max(0, next - LineBreak - content)];
            Array.Copy(request.Body, content, bytes, 0, bytes.Length);
            parts.Add(Part(headers, bytes));
            start = next;
        }

        return parts;
    }

    private static FormPart Part(string headers, byte[] content)
    {
        string name = "";
        string? fileName = null;
        foreach (Match attribute in Attribute.Matches(headers))
        {
            string value = attribute.Groups[2].Success ? attribute.Groups[2].Value : attribute.Groups[3].Value;
            if (attribute.Groups[1].Value == "name") name = value;
            else fileName ??= value;
        }

        return new FormPart(name, fileName, content);
    }

    private static int IndexOf(byte[] text, byte[] wanted, int from)
    {
        for (int at = Array.IndexOf(text, wanted[0], from); at >= 0 && at + wanted.Length <= text.Length; at = Array.IndexOf(text, wanted[0], at + 1))
        {
            int same = 1;
            while (same < wanted.Length && text[at + same] == wanted[same]) same++;
            if (same == wanted.Length) return at;
        }

        return -1;
    }
}
