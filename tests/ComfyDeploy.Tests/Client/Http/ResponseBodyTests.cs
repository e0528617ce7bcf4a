using System.IO.Compression;
using System.Text;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Whatever fails while a body is read, and of whatever type, is one documented error; of a create it is an answer that was lost.</summary>
public sealed class ResponseBodyTests
{
    private static readonly CreateRequest Request = new(new DeploymentTarget("d1", "portrait/production"), "{}", null, null, false);

    public static TheoryData<string> Failures =>
    [
        nameof(InvalidDataException), nameof(InvalidOperationException), nameof(NotSupportedException), nameof(ObjectDisposedException), nameof(IOException),
        nameof(OverflowException), nameof(OperationCanceledException), nameof(FormatException),
    ];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_body_that_cannot_be_read_is_a_documented_error(string failure)
    {
        ClientUnderTest test = new(() => new() { Content = new StreamContent(new BrokenStream(failure)) });
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => test.GetRunAsync());
        Assert.Equal(failure == nameof(IOException) ? ErrorIds.ConnectionFailed : ErrorIds.ServiceError, error.ErrorId);
        Assert.Equal(5, test.Handler.Requests.Count);
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task The_body_of_a_refusal_may_fail_and_its_status_counts(string failure)
    {
        ClientUnderTest test = new(() => new(System.Net.HttpStatusCode.UnprocessableEntity) { Content = new StreamContent(new BrokenStream(failure)) });
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => test.Client.CreateRunAsync(Request, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal((ErrorIds.InvalidInput, 422), (error.ErrorId, error.StatusCode));
        Assert.Single(test.Handler.Requests);
    }

    [Fact]
    public async Task A_create_whose_answer_is_corrupt_gzip_is_looked_for()
    {
        byte[] corrupt = Gzip($$"""{"run_id":"{{ClientUnderTest.RunId}}"}""");
        Array.Fill(corrupt, (byte)0xFF, 10, corrupt.Length - 10);
        string list = $$"""{"data":[{"id":"{{ClientUnderTest.RunId}}"}]}""";
        using RawServer server = new(request => request switch
        {
            { Method: "POST" } => RawServer.Answer("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", corrupt),
            { Number: 1 } => RawServer.Answer("200 OK", "application/json", list),
            _ => RawServer.Answer("200 OK", "application/json", ClientUnderTest.RunJson(ClientUnderTest.RunId)),
        });
        ComfyDeployClient client = new(ApiSession.For(ClientUnderTest.Connect(baseUri: server.Address)), new RecordingLog());
        Assert.Equal(ClientUnderTest.RunId, await client.CreateRunAsync(Request, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Single(server.Requests, request => request.Method == "POST");
    }

    [Fact]
    public async Task A_body_without_end_is_refused_at_the_limit_and_not_asked_for_again()
    {
        using EndlessContent content = new();
        ClientUnderTest test = new(() => new() { Content = content });
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => test.GetRunAsync());
        Assert.Equal(ErrorIds.ResponseTooLarge, error.ErrorId);
        Assert.Contains("256 MB", error.Message, StringComparison.Ordinal);
        Assert.InRange(content.Given, ResponseBody.Limit, ResponseBody.Limit + (64 * 1024));
        Assert.Single(test.Handler.Requests);
    }

    [Fact]
    public async Task After_an_unhandled_error_of_the_service_nothing_is_sent_on_its_connection()
    {
        // The service closes the connection after this answer and does not say so: what is sent on it next is lost.
        using RawServer server = new(request => request switch
        {
            { Connection: 0, Number: 0 } => RawServer.Answer("500 Internal Server Error", "text/plain; charset=utf-8", "Internal Server Error"),
            { Connection: 0 } => null,
            _ => RawServer.Answer("200 OK", "application/json", $$"""{"run_id":"{{ClientUnderTest.RunId}}"}"""),
        });
        ComfyDeployClient client = new(ApiSession.For(ClientUnderTest.Connect(baseUri: server.Address)), new RecordingLog());
        await Assert.ThrowsAsync<ComfyDeployException>(() => client.GetRunAsync(ClientUnderTest.RunId, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(ClientUnderTest.RunId, await client.CreateRunAsync(Request, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(["GET", "POST"], server.Requests.Select(request => request.Method));
    }

    private static byte[] Gzip(string text)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Optimal)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }
}
