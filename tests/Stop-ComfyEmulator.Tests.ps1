#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Stop-ComfyEmulator' {
    BeforeEach { Clear-TestState }

    It 'stops all emulators of this process and closes their connections, and returns no output' {
        $first = Start-ComfyEmulator
        $null = Start-ComfyEmulator -Connect
        Connect-ComfyDeploy (ConvertTo-SecureString 'x' -AsPlainText) -Name elsewhere -SkipCheck
        Stop-ComfyEmulator | Should -BeNullOrEmpty
        (Get-ComfyConnection).Name | Should -Be 'elsewhere'
        Connect-ComfyDeploy $first.ApiKey -BaseUri $first.BaseUri -SkipCheck
        Test-ComfyConnection | Should -BeFalse
    }

    It 'stops the piped or specified emulator' {
        $first = Start-ComfyEmulator
        $second = Start-ComfyEmulator
        $third = Start-ComfyEmulator -Connect
        $first | Stop-ComfyEmulator
        Stop-ComfyEmulator $second
        Test-ComfyConnection | Should -BeTrue
        $third.Requests.Count | Should -Be 1
        Connect-ComfyDeploy $first.ApiKey -BaseUri $first.BaseUri -SkipCheck
        Test-ComfyConnection | Should -BeFalse
    }

    It 'stops nothing with -WhatIf' {
        $null = Start-ComfyEmulator -Connect
        Stop-ComfyEmulator -WhatIf
        Test-ComfyConnection | Should -BeTrue
    }

    It 'can be called twice, and when no emulator is running' {
        Stop-ComfyEmulator -ErrorVariable errors
        $emulator = Start-ComfyEmulator
        $emulator | Stop-ComfyEmulator
        $emulator | Stop-ComfyEmulator
        $errors | Should -BeNullOrEmpty
    }

    It 'keeps the recorded requests' {
        $emulator = Start-ComfyEmulator -Connect
        $null = Test-ComfyConnection
        Stop-ComfyEmulator
        $emulator.Requests.Count | Should -Be 1
    }
}
