using System.Net;
using System.Net.Sockets;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client.Files;

/// <summary>A service that takes a connection and reads nothing, so that the upload stops in the middle of the file.</summary>
public sealed partial class UploadTests
{
    // More than the buffers of two sockets hold.
    private const int StuckLength = 30 * 1024 * 1024;

    [Fact]
    public async Task An_upload_is_canceled_in_the_middle_of_the_file()
    {
        using TcpListener service = Unreading();
        using CancellationTokenSource stop = new();
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ComfyDeployClient client = ClientOf(service, TimeSpan.FromMinutes(5));
        long sent = 0;
        Task<ComfyFile> upload = client.UploadAsync(Big(), bytes => { sent = bytes; begun.TrySetResult(); }, stop.Token);
        await begun.Task.WaitAsync(ClientUnderTest.Limit);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => upload.WaitAsync(ClientUnderTest.Limit));
        Assert.InRange(sent, 1, StuckLength - 1);
        Assert.Equal(0, client.Session.Account.Uploads.Waiting);
    }

    [Fact]
    public async Task An_upload_that_does_not_move_in_the_middle_of_the_file_is_a_timeout()
    {
        using TcpListener service = Unreading();
        ComfyDeployClient client = ClientOf(service, TimeSpan.FromMilliseconds(300));
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => client.UploadAsync(Big(), null, CancellationToken.None).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(ErrorIds.RequestTimeout, error.ErrorId);
    }

    private static TcpListener Unreading()
    {
        TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static ComfyDeployClient ClientOf(TcpListener service, TimeSpan requestTimeout)
    {
        ComfyConnection connection = ClientUnderTest.Connect(requestTimeout, $"http://127.0.0.1:{((IPEndPoint)service.LocalEndpoint).Port}/api");
        return new(new(connection, new HttpClientHandler(), new ManualClock()), new RecordingLog());
    }

    private string Big()
    {
        string path = _folder.Write("big.bin", "");
        using FileStream file = new(path, FileMode.Open);
        file.SetLength(StuckLength);
        return path;
    }
}
