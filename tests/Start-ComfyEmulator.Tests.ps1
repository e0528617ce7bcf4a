#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Start-ComfyEmulator' {
    BeforeEach { Clear-TestState }

    It 'returns the emulator, on loopback, and connects only with -Connect' {
        $emulator = Start-ComfyEmulator
        $emulator.GetType().FullName | Should -Be 'ComfyDeploy.Emulator.ComfyEmulator'
        $emulator.BaseUri.Host | Should -Be '127.0.0.1'
        $emulator.ApiKey | Should -BeOfType securestring
        $emulator.Speed | Should -Be 1
        Get-ComfyConnection | Should -BeNullOrEmpty
    }

    It 'becomes the default connection with -Connect, even if there is another' {
        Connect-ComfyDeploy (ConvertTo-SecureString 'x' -AsPlainText) -SkipCheck
        $null = Start-ComfyEmulator -Connect
        (Get-ComfyConnection | Where-Object IsDefault).Name | Should -Be 'emulator'
        Test-ComfyConnection | Should -BeTrue
    }

    It 'starts nothing with -WhatIf' {
        Start-ComfyEmulator -Connect -WhatIf | Should -BeNullOrEmpty
        Get-ComfyConnection | Should -BeNullOrEmpty
    }

    It 'listens on the specified port, and rejects a port in use' {
        $port = (Start-ComfyEmulator).BaseUri.Port
        { Start-ComfyEmulator -Port $port } | Should -Throw -ErrorId 'PortInUse,ComfyDeploy.Commands.StartComfyEmulatorCommand'
        Stop-ComfyEmulator
        (Start-ComfyEmulator -Port $port).BaseUri.Port | Should -Be $port
    }

    It 'rejects an invalid fault, and explains the syntax' {
        { Start-ComfyEmulator -Fault 'nonsense' } | Should -Throw '*METHOD PATH = WHAT*' -ErrorId 'FaultInvalid,*'
    }

    It 'accepts several faults' {
        $emulator = Start-ComfyEmulator -Connect -Fault 'GET /workflows = 404', 'GET /workflows = 403'
        (Test-ComfyConnection -Detailed).Result | Should -Be 'WrongBaseUri'
        (Test-ComfyConnection -Detailed).Result | Should -Be 'Forbidden'
        Test-ComfyConnection | Should -BeTrue
        $emulator.Requests.Status | Should -Be 404, 403, 200
    }

    It 'reads a seed from a path of the session, and rejects an invalid seed' {
        Push-Location TestDrive:
        try {
            Set-Content -LiteralPath 'seed [1].json' '{ "users": [ { "id": "u" } ], "workflows": [ { "id": "00000020-0000-4000-8000-0000000000aa", "name": "only" } ] }'
            Set-Content broken.json '{ "users": '
            $null = Start-ComfyEmulator -SeedPath './seed [1].json' -Connect
            { Start-ComfyEmulator -SeedPath ./broken.json } | Should -Throw -ErrorId 'SeedInvalid,*'
            { Start-ComfyEmulator -SeedPath ./missing.json } | Should -Throw '*missing.json*' -ErrorId 'SeedInvalid,*'
        } finally {
            Pop-Location
        }
        Get-ComfyRun -Workflow only | Should -BeNullOrEmpty
    }

    It 'rejects an invalid port or speed: <_>' -ForEach '-Port 70000', '-Port -1', '-Speed -1', '-Speed NaN' {
        { Invoke-Command ([scriptblock]::Create("Start-ComfyEmulator $_")) } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'simulates hours in seconds' {
        $emulator = Start-ComfyEmulator -Speed 36000 -Connect
        $run = Start-ComfyRun portrait @{ prompt = '#time=200' }
        Wait-TestCondition { (Get-ComfyRun $run.RunId).IsFinished }
        (Get-ComfyRun $run.RunId).RunSeconds | Should -Be 200
        $emulator.Speed | Should -Be 36000
    }

    It 'moves only with Advance at speed 0' {
        $emulator = Start-ComfyEmulator -Speed 0 -Connect
        $run = Start-ComfyRun portrait @{ prompt = 'x' }
        $now = $emulator.Now
        ($run | Get-ComfyRun).Status | Should -Be 'not-started'
        $emulator.Now | Should -Be $now
        $emulator.Advance('00:01:00')
        ($run | Get-ComfyRun).Status | Should -Be 'success'
    }

    It 'records no key' {
        $emulator = Start-ComfyEmulator -Connect
        $null = Get-ComfyDeployment
        $emulator.Requests | Format-List * -Force | Out-String | Should -Not -Match ([regex]::Escape((Get-TestKey $emulator)))
        $emulator.Requests.Authorized | Should -Not -Contain $false
    }
}
