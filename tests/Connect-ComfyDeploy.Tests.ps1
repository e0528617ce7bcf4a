#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Connect-ComfyDeploy' {
    BeforeEach {
        Clear-TestState
        $emulator = Start-ComfyEmulator -Speed 0
        $key = Get-TestKey $emulator
    }

    It 'checks the key with one inexpensive request, and returns no output' {
        Connect-ComfyDeploy -ApiKey $emulator.ApiKey -BaseUri $emulator.BaseUri | Should -BeNullOrEmpty
        $emulator.Requests.Count | Should -Be 1
        "$($emulator.Requests[0].Method) $($emulator.Requests[0].Path)?$($emulator.Requests[0].Query)" | Should -Be 'GET /api/workflows?limit=1'
        (Get-ComfyConnection).IsDefault | Should -BeTrue
    }

    It 'returns the connection with -PassThru: user, address, and no key' {
        $connection = Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -PassThru
        $connection | Should -BeOfType ComfyDeploy.ComfyConnection
        $connection.UserId | Should -Be 'user_emulator'
        $connection.PSObject.Properties.Name | Should -Not -Contain 'ApiKey'
        $connection | Get-Member -Force | ForEach-Object Name | Should -Not -Contain 'ApiKey'
    }

    It 'sends no request with -SkipCheck' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -SkipCheck
        $emulator.Requests.Count | Should -Be 0
    }

    It 'rejects a wrong key, and does not connect' {
        { Connect-ComfyDeploy (ConvertTo-SecureString 'nope' -AsPlainText) -BaseUri $emulator.BaseUri } | Should -Throw -ErrorId 'ApiKeyRejected,ComfyDeploy.Commands.ConnectComfyDeployCommand'
        Get-ComfyConnection | Should -BeNullOrEmpty
    }

    It 'recommends an action for a wrong key' {
        try { Connect-ComfyDeploy (ConvertTo-SecureString 'nope' -AsPlainText) -BaseUri $emulator.BaseUri } catch { $record = $_ }
        $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $record.CategoryInfo.Category | Should -Be 'AuthenticationError'
    }

    It 'keeps the previous connection when the new one is rejected' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri
        { Connect-ComfyDeploy (ConvertTo-SecureString 'nope' -AsPlainText) -BaseUri $emulator.BaseUri } | Should -Throw
        Test-ComfyConnection | Should -BeTrue
    }

    It 'rejects an empty key' {
        { Connect-ComfyDeploy ([securestring]::new()) -BaseUri $emulator.BaseUri } | Should -Throw -ErrorId 'ApiKeyRejected,*'
        $emulator.Requests.Count | Should -Be 0
    }

    It 'rejects <Name> as a key, says what to do, and shows nothing of it' -ForEach @(
        @{ Name = 'plain text'; Text = 'S3cret-key' }
        @{ Name = 'an empty string'; Text = '' }
        @{ Name = 'null'; Text = $null }
    ) {
        $Error.Clear()
        { Connect-ComfyDeploy -ApiKey $Text -BaseUri $emulator.BaseUri } | Should -Throw '*ConvertTo-SecureString $env:KEY -AsPlainText -Force*' -ErrorId 'InvalidInput,*'
        try { Connect-ComfyDeploy 'S3cret-key' -BaseUri $emulator.BaseUri } catch { $caught = $_ }
        $caught, $Error | ForEach-Object { $_ | Format-List * -Force; $_.InvocationInfo | Format-List * -Force; $_.Exception | Format-List * -Force; "$($_.Exception)" } |
            Out-String | Should -Not -Match 'S3cret'
        $emulator.Requests.Count | Should -Be 0
    }

    It 'does not show the key of a script in its error' {
        $child = Invoke-ChildPwsh "Connect-ComfyDeploy -ApiKey 'S3cret-key'; exit 3"
        $child.Error + $child.Output | Should -Match 'Read-Host -AsSecureString'
        $child.Error + $child.Output | Should -Not -Match 'S3cret'
        $child.ExitCode | Should -Be 3
    }

    It 'accepts the key in the form that the error names' {
        $env:KEY = $key
        try { Connect-ComfyDeploy -ApiKey (ConvertTo-SecureString $env:KEY -AsPlainText -Force) -BaseUri $emulator.BaseUri } finally { Remove-Item Env:KEY }
        (Get-ComfyConnection).UserId | Should -Be 'user_emulator'
    }

    It 'fails when no server listens' {
        $uri = $emulator.BaseUri
        Stop-ComfyEmulator
        { Connect-ComfyDeploy $emulator.ApiKey -BaseUri $uri -WarningAction SilentlyContinue } | Should -Throw -ErrorId 'ConnectionFailed,*'
    }

    It 'rejects <Uri> (<ErrorId>)' -ForEach @(
        @{ Uri = 'http://example.com/api'; ErrorId = 'InsecureBaseUri' }
        @{ Uri = 'ftp://example.com'; ErrorId = 'InvalidInput' }
        @{ Uri = 'example.com'; ErrorId = 'InvalidInput' }
        @{ Uri = 'file:///etc/passwd'; ErrorId = 'InvalidInput' }
        @{ Uri = 'http://127.0.0.1.example.com/api'; ErrorId = 'InsecureBaseUri' }
        @{ Uri = 'http://localhost@example.com/api'; ErrorId = 'InvalidInput' }
    ) {
        { Connect-ComfyDeploy $emulator.ApiKey -BaseUri $Uri -SkipCheck } | Should -Throw -ErrorId "$ErrorId,*"
        Get-ComfyConnection | Should -BeNullOrEmpty
    }

    It 'accepts http on another machine only with -AllowInsecure' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri 'http://render.example/api' -AllowInsecure -SkipCheck
        (Get-ComfyConnection).BaseUri | Should -Be 'http://render.example/api'
    }

    It 'accepts an address with a trailing slash' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri "$($emulator.BaseUri)/"
        @(Get-ComfyDeployment).Count | Should -BeGreaterThan 0
        $emulator.Requests.Path | Should -Not -Match '//'
    }

    It 'makes a named connection the default only if there is none' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name first -SkipCheck
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name second -SkipCheck
        (Get-ComfyConnection | Where-Object IsDefault).Name | Should -Be 'first'
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -SkipCheck
        (Get-ComfyConnection | Where-Object IsDefault).Name | Should -Be 'default'
    }

    It 'replaces a connection of the same name' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name studio -SkipCheck
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name STUDIO -SkipCheck
        @(Get-ComfyConnection).Count | Should -Be 1
        Test-ComfyConnection | Should -BeTrue
    }

    It 'does not dispose the key of the caller' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -SkipCheck
        Disconnect-ComfyDeploy
        $emulator.ApiKey.Length | Should -BeGreaterThan 0
    }

    It 'uses the key and the address from the environment' {
        $child = Invoke-ChildPwsh 'Connect-ComfyDeploy -PassThru | ForEach-Object UserId' -Environment @{ COMFY_DEPLOY_API_KEY = $key; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri }
        $child.Output | Should -Be 'user_emulator'
        $child.ExitCode | Should -Be 0
    }

    It 'needs no Connect-ComfyDeploy when the environment has the key' {
        $child = Invoke-ChildPwsh '(Get-ComfyDeployment portrait/production).DeploymentName; Get-ComfyConnection' -Environment @{ COMFY_DEPLOY_API_KEY = "$key`n"; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri }
        $child.Output | Should -BeLike 'portrait/production*'
        $child.Error | Should -BeNullOrEmpty
    }

    It 'does not send the key from the environment to an unencrypted address' {
        $child = Invoke-ChildPwsh 'try { Get-ComfyDeployment } catch { $_.FullyQualifiedErrorId }' -Environment @{ COMFY_DEPLOY_API_KEY = $key; COMFY_DEPLOY_BASE_URI = 'http://render.example/api' }
        $child.Output | Should -BeLike 'InsecureBaseUri,*'
    }

    It 'fails with NotConnected in every cmdlet when it cannot prompt' {
        $child = Invoke-ChildPwsh @'
foreach ($call in { Connect-ComfyDeploy }, { Get-ComfyRun }, { Get-ComfyDeployment }, { Start-ComfyRun x }, { Wait-ComfyRun 11111111-2222-4333-8444-555555555555 }, { Test-ComfyConnection }) {
    try { & $call } catch { $_.FullyQualifiedErrorId }
}
'@
        $child.Output -split '\r?\n' | Should -Be @(
            'Connect', 'GetComfyRun', 'GetComfyDeployment', 'StartComfyRun', 'WaitComfyRun', 'TestComfyConnection' |
                ForEach-Object { "NotConnected,ComfyDeploy.Commands.$($_ -eq 'Connect' ? 'ConnectComfyDeploy' : $_)Command" })
    }

    It 'ends a script with exit code 1 when it cannot prompt' {
        $child = Invoke-ChildPwsh '$ErrorActionPreference = "Stop"; Connect-ComfyDeploy; "not reached"'
        $child.ExitCode | Should -Be 1
        $child.Output | Should -Not -Match 'not reached'
        $child.Output + $child.Error | Should -Match 'COMFY_DEPLOY_API_KEY'
    }

    It 'stops within 200 ms while the service hangs' {
        $emulator.AddFault('GET /workflows = hang always')
        $hung = $emulator
        $script = "Connect-ComfyDeploy (ConvertTo-SecureString '$key' -AsPlainText) -BaseUri $($emulator.BaseUri)"
        $stopped = Measure-TestStop $script -When { $hung.Requests.Count -gt 0 }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
    }

    It 'applies -RequestTimeout to later requests' {
        $emulator.AddFault('GET /workflows = hang always')
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -RequestTimeout 200ms -SkipCheck
        Test-ComfyConnection | Should -BeFalse
    }

    It 'offers no completion for a key' {
        Get-Completion 'Connect-ComfyDeploy -PassT' | Should -Be '-PassThru'
    }
}
