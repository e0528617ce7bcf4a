using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Invoke, "ComfyApi", SupportsShouldProcess = true), OutputType(typeof(PSObject), typeof(byte[]))]
public sealed class InvokeComfyApiCommand : ConnectedCommand
{
    private static readonly Regex Absolute = new(@"^([a-z][a-z0-9+.-]*:)?//|^\\", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    private static readonly Regex Word = new("^[A-Za-z]+$", RegexOptions.CultureInvariant);

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ApiPathCompleter))]
    public string Path { get; set; } = string.Empty;

    [Parameter(Position = 1)]
    [ValidateNotNull]
    public PSObject? Body { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MethodCompleter))]
    public string Method { get; set; } = "GET";

    [Parameter]
    [ValidateNotNull]
    public IDictionary? Query { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? OutFile { get; set; }

    [Parameter]
    [Duration]
    public TimeSpan RequestTimeout { get; set; }

    protected override void ProcessRecord()
    {
        if (!Word.IsMatch(Method))
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, $"-Method '{Method}' is not an HTTP method such as POST."), Method);
        }
        string method = Method.ToUpperInvariant();
        bool reads = ComfyDeployClient.IsRead(method);
        if (Body is not null && reads)
        {
            string message = $"A {method} request has no body. Specify the method: -Method POST (or PUT, PATCH, DELETE).";
            ThrowTerminating(new(ErrorIds.BodyNeedsMethod, message), Path);
        }
        ComfyDeployClient client = new(Client.Session, Log) { RequestTimeout = RequestTimeout > TimeSpan.Zero ? RequestTimeout : null };
        string path = RelativePath(client.Session.Connection.Address) + QueryText();
        if (!reads && !ShouldProcess($"{client.Session.Connection.Address}{path.Split('?')[0]}", method)) return;
        string? file = OutFile is null ? null : FileSystemPath(OutFile, nameof(OutFile));
        try
        {
            string? body = Body is null ? null : BodyText(Body);
            byte[] answer = Await(token => client.InvokeAsync(method, path, body, token));
            if (file is not null) ApiAnswer.Save(answer, file);
            else if (answer.Length > 0) Write(ApiAnswer.Read(answer));
        }
        catch (ComfyDeployException e)
        {
            ReportOrEnd(Explain(e, method, path), Path);
        }
    }

    /// <summary>The path was chosen by the caller: what the service does not know is not the fault of the base address.</summary>
    private static ComfyDeployException Explain(ComfyDeployException error, string method, string path) => error switch
    {
        { ErrorId: ErrorIds.NotSupportedByServer, IsForeign: false, StatusCode: var status } =>
            new(error.ErrorId, status == 405
                ? $"The service does not accept {method} for the path {path.Split('?')[0]} (HTTP 405)."
                : $"The service does not know the path {path.Split('?')[0]} (HTTP {status}).")
            {
                StatusCode = status,
                RequestId = error.RequestId,
            },
        _ => error,
    };

    /// <summary>A list item by item, an image as one object.</summary>
    private void Write(object? answer) => WriteObject(answer, enumerateCollection: answer is not byte[]);

    /// <summary>What comes after the base address. Whatever would leave it is refused: the key goes with it.</summary>
    private string RelativePath(string root)
    {
        string address = Absolute.IsMatch(Path) ? Path : $"{root}/{Path.TrimStart('/')}";
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? target)
            || !target.AbsoluteUri.StartsWith(root + "/", StringComparison.Ordinal) || target.UserInfo.Length > 0)
        {
            string message = $"'{Path}' is not below {root}, and the key is not sent to any other address. " +
                "Specify a path such as /workflows.";
            ThrowTerminating(new(ErrorIds.ForeignOrigin, message), Path);
        }
        return target.AbsoluteUri.Substring(root.Length);
    }

    private string QueryText()
    {
        if (Query is null || Query.Count == 0) return string.Empty;
        IEnumerable<string> pairs = Query.Cast<DictionaryEntry>().SelectMany(entry =>
            (LanguagePrimitives.GetEnumerable(entry.Value)?.Cast<object?>() ?? [entry.Value])
                .Select(value => $"{Uri.EscapeDataString(Text(entry.Key))}={Uri.EscapeDataString(Text(value))}"));
        return (Path.Contains('?') ? "&" : "?") + string.Join("&", pairs);
    }

    private static string Text(object? value) => value switch
    {
        bool flag => flag ? "true" : "false",
        PSObject wrapped => Text(wrapped.BaseObject),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty,
    };

    /// <summary>Text is taken to be JSON already.</summary>
    private static string BodyText(PSObject body) =>
        body.BaseObject is string json ? json : JsonText.Build(writer => JsonText.WriteValue(writer, FreeJson.ToPlain(body)));
}
