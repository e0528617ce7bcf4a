using System.Management.Automation;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The key is prompted for safely, sent to one host only, and never shown.</summary>
[Collection(ProcessWide.Name)]
public sealed class KeySafetyTests : IDisposable
{
    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new() { Speed = 0 });
    private readonly ComfyEmulator _elsewhere = ComfyEmulator.Start(new() { Speed = 0 });
    private EngineFixture _engine = new();

    public KeySafetyTests() => Introduce();

    public void Dispose()
    {
        _engine.Run("Get-ComfyConnection | Disconnect-ComfyDeploy");
        _engine.Dispose();
        _emulator.Dispose();
        _elsewhere.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_an_interactive_user_there_is_an_error_and_no_prompt(bool hasInterface)
    {
        Restart(new CapturingHost(hasInterface: hasInterface));
        string message = _engine.RunWithErrors("Connect-ComfyDeploy -BaseUri $uri").Error("NotConnected").ToString();
        Assert.Contains("-ApiKey", message, StringComparison.Ordinal);
        Assert.Empty(_emulator.Requests);
    }

    [Fact]
    public void An_interactive_user_is_prompted()
    {
        Restart(new CapturingHost { Typed = _emulator.ApiKey });
        _engine.Run("Connect-ComfyDeploy -BaseUri $uri; Get-ComfyDeployment");
    }

    [Fact]
    public void The_key_is_in_no_stream_no_error_and_no_object()
    {
        // Each of these fails or succeeds differently; all visible output is searched.
        _emulator.AddFault("GET /workflow/*/runs = 503");
        EngineRun run = _engine.RunWithErrors("""
            $VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
            Connect-ComfyDeploy $key -BaseUri $uri -PassThru -Verbose -Debug *>&1
            Connect-ComfyDeploy $key -BaseUri $elsewhere -Name other -SkipCheck -PassThru *>&1
            Get-ComfyConnection *>&1
            Get-ComfyConnection | Out-Default
            Get-ComfyDeployment -Connection other *>&1
            Test-ComfyConnection -Detailed *>&1
            Test-ComfyConnection -Connection other -Detailed *>&1
            $run = Start-ComfyRun portrait @{ prompt = '#fail' }
            $run; $run | Out-Default
            $emulator.Advance([timespan]'01:00:00')
            $run | Wait-ComfyRun -Verbose -Debug *>&1
            $run | Get-ComfyRun -Verbose -Debug *>&1
            Get-ComfyRun 11111111-0000-4000-8000-000000000000 -Verbose -Debug *>&1
            Start-ComfyRun portrait @{ promt = 'x' } *>&1
            Start-ComfyRun portrait -WhatIf *>&1
            Disconnect-ComfyDeploy other
            $Error | ForEach-Object { $_; $_.Exception; "$($_.Exception)" }
            """);
        string key = _emulator.ApiKey.Reveal();
        string text = run.Everything();
        Assert.Contains("GET /run/", text, StringComparison.Ordinal);
        Assert.Contains("user_emulator", text, StringComparison.Ordinal);
        Assert.DoesNotContain(key, text, StringComparison.Ordinal);
        // Nor a part of it: the payload, the signature, or the header.
        Assert.All(key.Split('.'), part => Assert.DoesNotContain(part, text, StringComparison.Ordinal));
        Assert.DoesNotContain("Bearer", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Connect-ComfyDeploy -ApiKey 'S3cret-key'")]
    [InlineData("Connect-ComfyDeploy S3cret-key -BaseUri $uri")]
    [InlineData("Connect-ComfyDeploy -ApiKey 'S3cret-key' -ErrorAction Stop")]
    [InlineData("Connect-ComfyDeploy -ApiKey $text")]
    [InlineData("Connect-ComfyDeploy -ApiKey @($text)")]
    [InlineData("try { Connect-ComfyDeploy 'S3cret-key' } catch { throw }")]
    [InlineData("Connect-ComfyDeploy -ApiKey ''")]
    [InlineData("Connect-ComfyDeploy -ApiKey $null")]
    [InlineData("Connect-ComfyDeploy -ApiKey $env:NO_SUCH_KEY")]
    public void A_key_as_text_is_refused_with_what_to_do_and_is_shown_nowhere(string script)
    {
        EngineRun run = _engine.RunWithErrors(script, ("text", "S3cret-key"));
        ErrorRecord error = run.Error("InvalidInput");
        Assert.Contains("-ApiKey (ConvertTo-SecureString $env:KEY -AsPlainText -Force)", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("-ApiKey (Read-Host -AsSecureString)", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Get-Secret", error.ToString(), StringComparison.Ordinal);
        Assert.Null(error.TargetObject);
        EngineRun kept = _engine.Run("""
            foreach ($record in $Error) {
                foreach ($part in $record, $record.InvocationInfo, $record.Exception, $record.CategoryInfo, $record.ErrorDetails) {
                    "$part"
                    if ($part) { $part.PSObject.Properties | ForEach-Object { "$($_.Name)=$($_.Value)" } }
                }
                "$($record.InvocationInfo.BoundParameters.Values)"
                "$($record.InvocationInfo.UnboundArguments)"
            }
            """);
        Assert.NotEmpty(kept.Objects);
        Assert.DoesNotContain("S3cret", run.Everything() + kept.Everything(), StringComparison.Ordinal);
        Assert.Empty(_emulator.Requests);
    }

    [Fact]
    public void No_public_member_reveals_the_key()
    {
        EngineRun run = _engine.Run("$c = Connect-ComfyDeploy $key -BaseUri $uri -PassThru; $c.PSObject.Properties | ForEach-Object { $_.Name }; \"$c\"");
        Assert.Equal(["Name", "IsDefault", "BaseUri", "UserId", "OrgId", "RequestTimeout", "default (127.0.0.1)"], run.Objects.Select(o => o.ToString()));
    }

    [Fact]
    public void The_key_is_not_sent_to_a_redirect()
    {
        _emulator.AddFault($"GET /run/* = redirect {_elsewhere.BaseUri}/workflows always");
        EngineRun run = _engine.RunWithErrors("Connect-ComfyDeploy $key -BaseUri $uri; Get-ComfyRun 11111111-0000-4000-8000-000000000000");
        Assert.Contains("redirect", run.Error("ServiceError").ToString(), StringComparison.Ordinal);
        Assert.Empty(_elsewhere.Requests);
    }

    [Fact]
    public void A_create_does_not_follow_redirects_either()
    {
        _emulator.AddFault($"POST /run/deployment/queue = redirect {_elsewhere.BaseUri}/run/deployment/queue");
        _engine.RunWithErrors("Connect-ComfyDeploy $key -BaseUri $uri; Start-ComfyRun portrait").Error("ServiceError");
        Assert.Empty(_elsewhere.Requests);
        Assert.Empty(_emulator.Runs);
    }

    [Fact]
    public void The_storage_host_gets_no_key()
    {
        _engine.Run("Connect-ComfyDeploy $key -BaseUri $uri; $run = Start-ComfyRun portrait; $emulator.Advance([timespan]'01:00:00'); $run | Wait-ComfyRun | ForEach-Object { $_.Outputs }");
        Assert.DoesNotContain(_emulator.Requests, request => request.IsStorage && request.HasAuthorization);
    }

    private void Restart(CapturingHost host)
    {
        _engine.Dispose();
        _engine = new EngineFixture(host);
        Introduce();
    }

    private void Introduce()
    {
        _engine.Set("emulator", _emulator);
        _engine.Set("key", _emulator.ApiKey);
        _engine.Set("uri", _emulator.BaseUri);
        _engine.Set("elsewhere", _elsewhere.BaseUri);
    }
}
