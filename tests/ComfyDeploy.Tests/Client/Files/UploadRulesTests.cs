using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Client.Files;

public sealed class UploadRulesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.txt")]
    [InlineData("A.CSV")]
    [InlineData("a.b.html")]
    [InlineData("a.md")]
    [InlineData("a.xml")]
    [InlineData("a.eml")]
    [InlineData("a.txt.gz")]
    [InlineData("..txt.py")]
    public async Task A_text_is_refused_before_anything_is_sent(string name)
    {
        ClientUnderTest test = new(() => Reply.Json("{}"));
        string path = _folder.Write(name, "x");
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => test.Client.UploadAsync(path, null, CancellationToken.None));
        Assert.Equal(ErrorIds.FileTypeNotSupported, error.ErrorId);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Empty(test.Handler.Requests);
    }

    [Theory]
    [InlineData("a.png")]
    [InlineData("a.safetensors")]
    [InlineData("a")]
    [InlineData(".txt")]
    [InlineData("a.txt.png")]
    [InlineData("a.png.gz")]
    [InlineData("a.txt.GZ")]
    [InlineData("a.json")]
    public void Anything_else_is_accepted(string name) => Assert.Equal(1, UploadRules.Check(_folder.Write(name, "x")));

    [Theory]
    [InlineData(262_144_000, null)]
    [InlineData(262_144_001, ErrorIds.FileTooLarge)]
    public void The_limit_is_250_MiB(long length, string? id)
    {
        string path = _folder.Write("big.bin", "");
        using (FileStream file = new(path, FileMode.Open)) file.SetLength(length);
        ComfyDeployException? error = Record.Exception(() => UploadRules.Check(path)) as ComfyDeployException;
        Assert.Equal(id, error?.ErrorId);
        if (id is not null) Assert.Contains("250 MiB (262,144,000 bytes)", error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_not_found()
    {
        string missing = Path.Combine(_folder.Path, "missing.png");
        Assert.Contains($"no file '{missing}'", Fault(missing).Message, StringComparison.Ordinal);
        Assert.Contains("is a folder", Fault(_folder.Path).Message, StringComparison.Ordinal);

        static ComfyDeployException Fault(string path)
        {
            ComfyDeployException error = Assert.Throws<ComfyDeployException>(() => UploadRules.Check(path));
            Assert.Equal(ErrorIds.FileNotFound, error.ErrorId);
            return error;
        }
    }

    [Theory]
    [InlineData("https://s.test/a.png", null)]
    [InlineData("https://s.test/a.png?X-Amz-Date=20261123T185624Z&X-Amz-Expires=3600", "2026-11-23T19:56:24Z")]
    [InlineData("https://s.test/a.png?x-amz-expires=60&x-amz-date=20261123T185624Z", "2026-11-23T18:57:24Z")]
    [InlineData("https://s.test/a.png?X-Amz-Date=20261123T185624Z&X-Amz-Expires=1e99", null)]
    [InlineData("https://s.test/a.png?X-Amz-Date=20261123T185624Z", null)]
    [InlineData("https://s.test/a.png?X-Amz-Date=now&X-Amz-Expires=60", null)]
    [InlineData("https://s.test/a.png?Expires=1795460184&Signature=x", "2026-11-23T18:56:24Z")]
    [InlineData("https://s.test/a.png?Expires=never", null)]
    [InlineData("https://s.test/a.png?Expires=99999999999999999999999", null)]
    public void A_link_tells_when_it_expires(string link, string? expected) =>
        Assert.Equal(expected, LinkExpiry.Of(new(link))?.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture));
}
