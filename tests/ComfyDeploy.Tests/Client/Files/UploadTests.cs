using System.Text;
using System.Text.Json.Nodes;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Client.Files;

public sealed partial class UploadTests : IDisposable
{
    private const int PartSize = 80 * 1024;
    private const string Done = """{"message":"File uploaded successfully","file_id":"img_1","file_name":"x","file_url":"https://storage.test/inputs/img_1.png"}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("file-upload-200-png")]
    [InlineData("file-upload-200-unicode")]
    [InlineData("file-upload-200-zip")]
    public async Task The_form_is_the_recorded_one(string fixture)
    {
        JsonNode recorded = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(BuiltModule.Fixtures, fixture + ".json")))!;
        // The bytes of a form were recorded as one character each.
        byte[] form = Encoding.Latin1.GetBytes(recorded["request"]!["body"]!.GetValue<string>());
        string disposition = Encoding.UTF8.GetString(form).Split("\r\n")[1];
        string name = disposition.Split('"')[3];
        ClientUnderTest test = new(Recorded.Exchange(fixture).ToResponse);
        ComfyFile file = await UploadAsync(test, _folder.Write(name, "content"));
        SentRequest request = Assert.Single(test.Handler.Requests);
        Assert.Equal(("POST", "https://service.test/api/file/upload"), (request.Method, request.Address.AbsoluteUri));
        string[] lines = request.Body.Split("\r\n");
        Assert.Equal([lines[0], disposition, "Content-Type: application/octet-stream", "", "content", lines[0] + "--", ""], lines);
        Assert.Equal(name, file.FileName);
        Assert.StartsWith("https://comfy-deploy-output.s3.us-east-2.amazonaws.com/inputs/" + file.FileId, file.Url.AbsoluteUri, StringComparison.Ordinal);
        Assert.Null(file.ExpiresAt);
    }

    [Fact]
    public async Task The_file_tells_what_it_is()
    {
        ClientUnderTest test = new(() => Reply.Json(Done));
        string path = _folder.Write("cat.png", "123");
        ComfyFile file = await UploadAsync(test, path);
        Assert.Equal(("cat.png", "image", 3L, "img_1", path, "test"), (file.FileName, file.Kind, file.Length, file.FileId, file.Path, file.ConnectionName));
        Assert.Equal("https://storage.test/inputs/img_1.png", file.ToString());
    }

    [Fact]
    public async Task A_signed_link_tells_when_it_expires()
    {
        ClientUnderTest test = new(Recorded.Exchange("file-upload-private").ToResponse);
        ComfyFile file = await UploadAsync(test, _folder.Write("p.png", "xx"));
        Assert.Equal(new DateTime(2026, 11, 23, 19, 56, 24, DateTimeKind.Utc), file.ExpiresAt!.Value.ToUniversalTime());
        Assert.Equal(DateTimeKind.Local, file.ExpiresAt.Value.Kind);
        Assert.DoesNotContain(test.Log.All, line => line.Contains("X-Amz", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_transient_failure_is_repeated_with_the_whole_file()
    {
        ClientUnderTest test = new(() => Reply.Status(503), () => Reply.Json("""{"detail":"Error uploading file"}""", 500), () => throw new HttpRequestException("reset"), () => Reply.Json(Done));
        List<long> progress = [];
        string path = _folder.Write("cat.png", new string('x', PartSize + 1));
        await test.Client.UploadAsync(path, progress.Add, CancellationToken.None);
        Assert.Equal(4, test.Handler.Requests.Count);
        Assert.Single(test.Handler.Requests.Select(request => request.Body.Length).Distinct());
        Assert.Equal(Enumerable.Repeat<long[]>([PartSize, PartSize + 1], 4).SelectMany(sent => sent).Append(PartSize + 1), progress);
        Assert.Equal(3, test.Log.Warnings.Count);
        Assert.All(test.Log.Warnings, warning => Assert.StartsWith("POST /file/upload (cat.png): ", warning, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"file_id":"img_1","file_url":null}""")]
    [InlineData("""{"file_id":"img_1","file_url":"/inputs/img_1.png"}""")]
    [InlineData("""{"file_id":"img_1","file_url":"ftp://storage.test/img_1.png"}""")]
    public async Task An_answer_without_a_link_is_an_error(string answer)
    {
        ClientUnderTest test = new(() => Reply.Json(answer));
        ComfyDeployException error = await FailAsync(test, _folder.Write("cat.png", "x"));
        Assert.Equal(ErrorIds.ServiceError, error.ErrorId);
        Assert.Single(test.Handler.Requests);
    }

    [Theory]
    [InlineData("file-upload-400-txt", ErrorIds.FileTypeNotSupported)]
    [InlineData("file-upload-400-oversize", ErrorIds.FileTooLarge)]
    [InlineData("file-upload-401", ErrorIds.ApiKeyRejected)]
    [InlineData("file-upload-422-no-filename", ErrorIds.InvalidInput)]
    public async Task A_refusal_of_the_service_has_its_id_and_is_final(string fixture, string id)
    {
        ClientUnderTest test = new(Recorded.Exchange(fixture).ToResponse);
        Assert.Equal(id, (await FailAsync(test, _folder.Write("cat.png", "x"))).ErrorId);
        Assert.Single(test.Handler.Requests);
    }

    [Fact]
    public async Task A_file_that_changes_while_it_is_sent_is_refused_and_not_sent_again()
    {
        ClientUnderTest test = new(() => Reply.Json(Done));
        string path = _folder.Write("cat.png", new string('x', 3 * PartSize));
        // Another content of the same length, so that only the hash can tell.
        void Change(long sent)
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            file.Seek(-1, SeekOrigin.End);
            file.WriteByte((byte)'y');
        }

        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => test.Client.UploadAsync(path, Change, CancellationToken.None));
        Assert.Equal(ErrorIds.InvalidInput, error.ErrorId);
        Assert.Contains("changed while it was to be uploaded", error.Message, StringComparison.Ordinal);
        Assert.Empty(test.Handler.Requests);
        Assert.Empty(test.Log.Warnings);
        Assert.Equal("cat.png", (await UploadAsync(test, path)).FileName);
    }

    [Fact]
    public async Task A_file_that_vanishes_before_a_retry_is_not_found()
    {
        string path = _folder.Write("cat.png", "x");
        ClientUnderTest test = new(() =>
        {
            File.Delete(path);
            return Reply.Status(503);
        });
        Assert.Equal(ErrorIds.FileNotFound, (await FailAsync(test, path)).ErrorId);
        Assert.Single(test.Handler.Requests);
    }

    [Fact]
    public async Task The_time_limit_starts_again_with_each_part()
    {
        ClientUnderTest test = new(() => Reply.Json(Done));
        await UploadAsync(test, _folder.Write("cat.png", new string('x', 10 * PartSize)));
        Assert.Equal(1 + 10, test.Clock.Limits);
    }

    [Fact]
    public async Task A_file_is_streamed_part_by_part()
    {
        PartsHandler handler = new();
        ApiSession session = new(ClientUnderTest.Connect(), handler, new ManualClock());
        string path = _folder.Write("big.bin", "");
        using (FileStream file = new(path, FileMode.Open)) file.SetLength(20 * 1024 * 1024);
        await new ComfyDeployClient(session, new RecordingLog()).UploadAsync(path, null, CancellationToken.None).WaitAsync(ClientUnderTest.Limit);
        // The head and the end of the form, and the parts of the file.
        Assert.Equal(2 + (20 * 1024 * 1024 / PartSize), handler.Parts.Count);
        Assert.Equal(PartSize, handler.Parts.Max());
        Assert.Equal(handler.ContentLength, handler.Parts.Sum());
    }

    [Fact]
    public async Task An_upload_that_stands_still_ends()
    {
        ManualClock clock = new();
        ScriptedHandler handler = new(async (request, cancellationToken) =>
        {
            clock.EndLimit();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return Reply.Json(Done);
        });
        ClientUnderTest test = new(handler, clock);
        Assert.Equal(ErrorIds.RequestTimeout, (await FailAsync(test, _folder.Write("cat.png", "x"))).ErrorId);
        Assert.Equal(1 + Retry.MaxRetries, handler.Requests.Count);
    }

    [Fact]
    public async Task A_canceled_upload_ends_at_once()
    {
        using CancellationTokenSource stop = new();
        ClientUnderTest test = new(new ScriptedHandler(async (_, cancellationToken) =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return Reply.Json(Done);
        }));
        string path = _folder.Write("cat.png", "x");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => test.Client.UploadAsync(path, null, stop.Token).WaitAsync(ClientUnderTest.Limit));
        Assert.Single(test.Handler.Requests);
    }

    private static Task<ComfyFile> UploadAsync(ClientUnderTest test, string path, CancellationToken cancellationToken = default) =>
        test.Client.UploadAsync(path, null, cancellationToken).WaitAsync(ClientUnderTest.Limit, CancellationToken.None);

    private static Task<ComfyDeployException> FailAsync(ClientUnderTest test, string path) => Assert.ThrowsAsync<ComfyDeployException>(() => UploadAsync(test, path));

    /// <summary>Reads a request as sockets do, part by part.</summary>
    private sealed class PartsHandler : HttpMessageHandler
    {
        internal List<long> Parts { get; } = [];

        internal long? ContentLength { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            ContentLength = request.Content!.Headers.ContentLength;
            using PartsStream stream = new(Parts);
            await request.Content.CopyToAsync(stream, cancellationToken);
            return Reply.Json(Done);
        }
    }

    private sealed class PartsStream(List<long> parts) : MemoryStream
    {
        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            parts.Add(count);
            return Task.CompletedTask;
        }
    }
}
